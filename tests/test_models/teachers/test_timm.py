"""TimmTeacher: parity with timm's features and attention, on the student's grid."""
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from mmguided.models import TimmTeacher
from mmguided.structures import Wants
from mmguided.utils.errors import ConfigError
from tests.helpers.models import SMALL, build, total

timm = pytest.importorskip('timm')

TINY = dict(depth=3, embed_dim=24, num_heads=2)
#: Name -> patch size.
NAMES = {
    'vit_small_patch14_reg4_dinov2': 14,  # [CLS] and registers, patches of 14 pixels
    'vit_small_patch14_dinov2': 14,
    'eva02_tiny_patch14_224': 14,  # rotary positions
    'vit_small_patch16_dinov3': 16,  # rotary positions and registers
    'vit_base_patch16_siglip_224': 16,  # attention pool, no [CLS]
    'vit_base_patch16_siglip_gap_224': 16,  # neither
}
ALL = Wants(tokens=True, relations=frozenset({0, -1}), attention=frozenset(
    (layer, softmax) for layer in (0, -1) for softmax in ('heads', 'mean', None)))
LAST = Wants(tokens=True, attention=frozenset({(-1, 'heads'), (-1, 'mean'), (-1, None)}))
IDENTITY = dict(pixel_mean=(0., ) * 3, pixel_std=(255., ) * 3)


def options(name):
    return TINY | dict(img_size=3 * NAMES[name])


@pytest.fixture(scope='module')
def weights(tmp_path_factory):
    """Files of random weights by model name."""
    folder = tmp_path_factory.mktemp('timm')
    for name in NAMES:
        torch.manual_seed(0)
        model = timm.create_model(name, **options(name))
        for parameter in model.parameters():
            nn.init.normal_(parameter, std=.4)
        torch.save(model.state_dict(), folder / f'{name}.pth')
    return folder


def teacher(weights, name, patch_size=None, **settings):
    return TimmTeacher(patch_size or NAMES[name], model_name=name,
                       weights=str(weights / f'{name}.pth'),
                       **(options(name) | IDENTITY | settings))


def reference(weights, name, images):
    """Tokens, patch tokens, attention logits ``(B, heads, N, N)`` per layer, and attention outputs
    of timm's unfused model, with softmax maps from its own dropout."""
    model = timm.create_model(name, **options(name)).eval()
    model.load_state_dict(torch.load(weights / f'{name}.pth'))
    maps, relations = [], []
    for block in model.blocks:
        block.attn.fused_attn = False
        block.attn.attn_drop.register_forward_hook(lambda m, args, output: maps.append(output))
        block.attn.norm.register_forward_pre_hook(lambda m, args: relations.append(args[0]))
    with torch.no_grad():
        mean, std = (torch.tensor(model.pretrained_cfg[key]).view(1, 3, 1, 1)
                     for key in ('mean', 'std'))
        return model, model.forward_features((images - mean) / std), maps, relations


@pytest.mark.parametrize('name', NAMES)
def test_features_and_attention_are_timms(weights, name):
    images = torch.rand(2, 3, *(3 * NAMES[name], ) * 2)
    wants = LAST if name == 'vit_base_patch16_siglip_224' else ALL
    model, tokens, maps, relations = reference(weights, name, images)
    seen = teacher(weights, name).observe(images, wants)
    prefix = model.num_prefix_tokens
    close = dict(rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(seen.tokens[:, 1:], tokens[:, prefix:], **close)
    for layer, relation in seen.relations.items():
        torch.testing.assert_close(relation, relations[layer][:, prefix:], **close)
    assert set(seen.attention) == {(layer % 3, softmax) for layer, softmax in wants.attention}
    for (layer, softmax), row in seen.attention.items():
        if model.cls_token is not None:
            logits = maps[layer][:, :, :1].log()  # up to a constant of each head
            torch.testing.assert_close(seen.tokens[:, 0], tokens[:, 0], **close)
        elif model.attn_pool is not None:
            pool = model.attn_pool
            key = pool.kv(tokens).unflatten(2, (2, 2, 12))[:, :, 0].transpose(1, 2)
            query = pool.q(pool.latent).unflatten(2, (2, 12)).transpose(1, 2)
            logits = query @ key.mT / 12**.5
            torch.testing.assert_close(seen.tokens[:, 0], model.pool(tokens), **close)
        else:
            logits = maps[layer].log()
            # The mean query has the mean logits; log-softmax subtracts a constant of each query.
            logits = logits.mean(2, keepdim=True)
            torch.testing.assert_close(seen.tokens[:, 0], tokens.mean(1), **close)
        assert row.std() > .01
        if softmax == 'heads':
            expected = logits.softmax(-1)[:, :, 0, -9:].mean(1)
            torch.testing.assert_close(row, expected, **close)
        else:
            mean = logits[:, :, 0, -9:].mean(1)
            torch.testing.assert_close(row.softmax(-1) if softmax is None else row,
                                       mean.softmax(-1), **close)


def test_no_deeper_than_needed(weights):
    model = teacher(weights, 'vit_small_patch14_reg4_dinov2')
    runs = []
    for block in model.model.blocks:
        block.register_forward_hook(lambda *args: runs.append(1))
    wants = Wants(attention=frozenset({(0, 'heads')}), relations=frozenset({1}))
    seen = model.observe(torch.rand(1, 3, 42, 42), wants)
    assert len(runs) == 2 and seen.tokens is None and list(seen.relations) == [1]


def test_it_compiles_without_a_graph_break(weights):
    model, images = teacher(weights, 'vit_small_patch14_reg4_dinov2'), torch.rand(1, 3, 42, 42)
    seen = torch.compile(model.observe, backend='eager', fullgraph=True)(images, ALL)
    expected = model.observe(images, ALL)
    torch.testing.assert_close(seen.tokens, expected.tokens)
    torch.testing.assert_close(seen.attention, expected.attention)
    torch.testing.assert_close(seen.relations, expected.relations)


def test_weights_without_head_with_head_and_for_another_grid(weights, tmp_path):
    name, images = 'eva02_tiny_patch14_224', torch.rand(1, 3, 42, 42)
    state = torch.load(weights / f'{name}.pth')
    expected = teacher(weights, name).observe(images, LAST).tokens
    state['head.weight'], state['head.bias'] = torch.zeros(5, 24), torch.zeros(5)
    torch.save(dict(model=state), tmp_path / f'{name}.pth')
    seen = teacher(tmp_path, name).observe(images, LAST).tokens
    assert torch.equal(seen, expected)
    wide = teacher(weights, name, img_size=(56, 70))
    seen, grid = wide.encode(torch.rand(1, 3, 56, 70), LAST.resolve(3))
    assert grid == (4, 5) and seen.tokens.shape == (1, 21, 24)
    # The student has 3 x 3 patches. The sum of the attention is preserved.
    seen = wide.observe(images, LAST)
    assert seen.tokens.shape == (1, 10, 24)
    assert .5 < seen.attention[2, 'mean'].sum() < 1.5


def test_it_guides_and_is_predicted(weights):
    model = build(
        'MAE', SMALL, teacher=dict(
            type='mmguided.TimmTeacher', model_name='vit_base_patch16_siglip_224',
            weights=str(weights / 'vit_base_patch16_siglip_224.pth'), img_size=48, **TINY),
        mask_generator=dict(
            type='mmguided.MaskGenerator', sampling=dict(type='mmguided.TopKSampling'),
            guidance=dict(type='mmguided.NcutRelevance', source='teacher', layer=0)),
        target_generator=dict(type='mmguided.FeatureTarget', source='teacher'))
    images = 255 * torch.rand(2, 3, 32, 32)
    images[..., 16:] = 0
    losses = model.loss(images)
    total(losses).backward()
    assert losses['topk_overlap'] == 1 and losses['guided_share'] == 1
    with pytest.raises(ConfigError, match=r'guidance.layers.*siglip_224.*layers=\[-1\]'):
        model.teacher.check_wants(Wants(attention=frozenset({(None, 'heads')})))


@pytest.mark.parametrize('settings, message', [
    (dict(model_name='vit_small_patch14_dino2'), "'vit_small_patch14_dino2'.*Did you mean"),
    (dict(model_name='vit_small_patch14_dinov2.nope'), r'tag \(nope\)'),
    (dict(model_name='vit_small_patch14_dinov2', depth=2), 'weights=.*pth.*Unexpected'),
    (dict(model_name='vit_small_patch14_dinov2', weights='gone.pth'), "weights='gone.pth'"),
    (dict(model_name='vit_small_patch14_dinov2', weights=None), 'weights=None.*create_model'),
    (dict(model_name='vit_small_patch14_dinov2', optoins=3), 'optoins'),
])
def test_wrong_models_and_weights_are_named(weights, settings, message, monkeypatch, tmp_path):
    monkeypatch.setattr('huggingface_hub.constants.HF_HUB_CACHE', str(tmp_path))
    path = str(weights / 'vit_small_patch14_dinov2.pth')
    with pytest.raises(ConfigError, match=message):
        TimmTeacher(14, **(dict(weights=path, img_size=42) | IDENTITY | TINY | settings))


def test_another_architecture_is_refused(tmp_path):
    model = timm.create_model('resnet10t')
    torch.save(model.state_dict(), tmp_path / 'resnet10t.pth')
    with pytest.raises(ConfigError, match="'resnet10t': not a ViT"):
        TimmTeacher(16, model_name='resnet10t', weights=str(tmp_path / 'resnet10t.pth'), **IDENTITY)


@pytest.mark.parametrize('file', ['model.safetensors', 'pytorch_model.bin'])
def test_weights_in_the_cache(weights, tmp_path, monkeypatch, file):
    """A tag needs no network if its weights are in the cache of Hugging Face."""
    name = 'vit_small_patch14_dinov2'
    path, state = tmp_path / file, torch.load(weights / f'{name}.pth')
    save_file(state, path) if path.suffix == '.safetensors' else torch.save(state, path)
    monkeypatch.setattr('huggingface_hub.try_to_load_from_cache',
                        lambda repo, asked: str(path) if (repo, asked) == (
                            f'timm/{name}.lvd142m', file) else None)
    images = torch.rand(1, 3, 42, 42)
    cached = TimmTeacher(14, model_name=name, **options(name), **IDENTITY)
    assert torch.equal(cached.observe(images, LAST).tokens,
                       teacher(weights, name).observe(images, LAST).tokens)
