"""The encoder: mmpretrain's features, guidance no deeper than needed, gradients in place."""
import pytest
import torch
import torch.nn.functional as F
from mmengine.runner import save_checkpoint
from mmpretrain.models import VisionTransformer

from mmguided.models import ClsAttention, MaskedViT, PatchMask
from mmguided.registry import MODELS
from mmguided.utils.errors import ConfigError

ARCH = dict(embed_dims=32, num_layers=3, num_heads=2, feedforward_channels=64)


def encoder(img_size=32, **kwargs):
    model = MaskedViT(ARCH, img_size, 8, **kwargs)
    model.init_weights()
    return model


def test_weights_load_into_mmpretrain_with_init_cfg_and_nothing_else(tmp_path):
    model = encoder()
    state = {f'backbone.{k}': v for k, v in model.state_dict().items()}
    save_checkpoint(dict(state_dict=state), str(tmp_path / 'ours.pth'))
    theirs = MODELS.build(
        dict(
            type='mmpretrain.VisionTransformer',
            arch=ARCH,
            img_size=32,
            patch_size=8,
            out_type='raw',
            init_cfg=dict(
                type='Pretrained', checkpoint=str(tmp_path / 'ours.pth'), prefix='backbone.')))
    assert theirs.state_dict().keys() == model.state_dict().keys()
    theirs.init_weights()
    images = torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(theirs(images), model(images))


@pytest.mark.parametrize('kwargs', [{}, dict(pre_norm=True), dict(final_norm=False)])
def test_all_patches_visible_equals_the_unmasked_forward(kwargs):
    model = encoder((32, 48), **kwargs)
    images = torch.randn(2, 3, 32, 48)
    everything = torch.arange(24).expand(2, 24)
    torch.testing.assert_close(model.encode(model.embed(images), everything), model(images)[0])


def test_no_pixel_of_a_masked_patch_reaches_the_visible_tokens():
    model = encoder((32, 48))
    images = torch.randn(2, 3, 32, 48, requires_grad=True)
    mask = PatchMask.from_keys(torch.rand(2, 24), 6)
    model(images, mask).square().sum().backward()
    touched = F.max_pool2d(images.grad.abs().amax(1, keepdim=True), 8).flatten(1) > 0
    assert torch.equal(touched, mask.mask == 0)


@pytest.mark.parametrize('softmax', ['heads', None])
def test_attention_rows_are_those_of_the_blocks(softmax, monkeypatch):
    """Against maps made from the queries and keys that the ordinary forward uses."""
    model = encoder((32, 48))
    images = torch.randn(2, 3, 32, 48)
    maps = []

    def spy(query, key, value, **kwargs):
        logits = query @ key.transpose(-1, -2) / query.shape[-1]**.5
        maps.append((logits if softmax is None else logits.softmax(-1)).mean(1)[:, 0, 1:])
        return F.scaled_dot_product_attention(query, key, value)

    for layer in model.layers:
        monkeypatch.setattr(layer.attn, 'scaled_dot_product_attention', spy)
    model(images)
    torch.testing.assert_close(model.cls_attention(images, None, softmax), torch.stack(maps))
    torch.testing.assert_close(
        model.cls_attention(images, [-2, 0], softmax), torch.stack([maps[0], maps[1]]))


def test_guidance_stops_at_its_last_layer_and_keeps_no_graph(monkeypatch):
    model = encoder()
    later = [model.layers[1].attn.proj, model.layers[1].ffn, model.layers[2]]
    for module in later:
        monkeypatch.setattr(module, 'forward', lambda *args, **kwargs: pytest.fail('too deep'))
    scores = ClsAttention(layers=[1])(torch.randn(2, 3, 32, 32), dict(student=model))
    assert scores.shape == (2, 16) and not scores.requires_grad
    torch.testing.assert_close(
        ClsAttention(layers=[0, 1], reduce='mean')(torch.ones(1, 3, 32, 32), dict(student=model)),
        ClsAttention(layers=[0, 1])(torch.ones(1, 3, 32, 32), dict(student=model)) / 2)


def test_weights_cast_for_the_guidance_are_not_left_to_the_training_pass(monkeypatch):
    """On torch before late 2025 they would have no graph; see the comment in cls_attention."""
    cleared = []
    monkeypatch.setattr(
        torch, 'clear_autocast_cache', lambda: cleared.append(torch.is_autocast_enabled('cpu')))
    with torch.autocast('cpu', torch.bfloat16):
        ClsAttention()(torch.randn(1, 3, 32, 32), dict(student=encoder()))
        assert cleared[0], 'cleared inside the autocast of the step'


def test_position_embedding_follows_the_input_as_mmpretrains():
    ours = encoder()
    theirs = VisionTransformer(ARCH, 32, 8, out_type='raw')
    theirs.load_state_dict(ours.state_dict())
    images = torch.randn(1, 3, 48, 40)
    torch.testing.assert_close(ours(images), theirs(images))


def test_initialization_is_maes():
    model = encoder()
    weight = model.layers[0].ffn.layers[0][0].weight
    assert weight.abs().max() <= (6 / (32 + 64))**.5 < weight.abs().max() * 1.05
    assert model.layers[0].ffn.layers[0][0].bias.abs().max() == 0
    assert model.cls_token.std().item() == pytest.approx(.02, rel=.4)
    assert model.pos_embed[0, 0].abs().max() == 0


@pytest.mark.parametrize('size, images, said', [
    (30, None, 'patch_size=8 does not divide the image of 30 x 30'),
    (32, (40, 36), 'patch_size=8 does not divide the image of 40 x 36'),
])
def test_patch_size_must_divide_the_image(size, images, said):
    with pytest.raises(ConfigError, match=said):
        encoder(size)(torch.zeros(1, 3, *images))


def test_no_cls_token():
    with pytest.raises(ConfigError, match='with_cls_token=False'):
        encoder(with_cls_token=False)


def test_unknown_arch():
    with pytest.raises(ConfigError, match="backbone.arch='giant'.*'tiny', 'small'"):
        MaskedViT('giant')


def _save(tmp_path, **kwargs):
    other = MaskedViT(img_size=32, patch_size=8, **kwargs)
    path = str(tmp_path / 'other.pth')
    state = {f'backbone.{k}': v for k, v in other.state_dict().items()}
    save_checkpoint(dict(state_dict=state), path)
    return path


@pytest.mark.parametrize('arch, said', [
    (dict(ARCH, embed_dims=48), '48'),
    (dict(ARCH, num_layers=2), r'layers\.2\.'),
])
def test_checkpoint_of_another_size_is_an_error(tmp_path, arch, said):
    init_cfg = dict(type='Pretrained', checkpoint=_save(tmp_path, arch=arch), prefix='backbone.')
    with pytest.raises(ConfigError, match=said):
        MaskedViT(ARCH, 32, 8, init_cfg=init_cfg).init_weights()


def test_missing_checkpoint_is_an_error():
    init_cfg = dict(type='Pretrained', checkpoint='nowhere.pth', prefix='backbone.')
    with pytest.raises(ConfigError, match="checkpoint='nowhere.pth'"):
        MaskedViT(ARCH, 32, 8, init_cfg=init_cfg).init_weights()


def test_checkpoint_of_another_grid_is_resized(tmp_path):
    init_cfg = dict(
        type='Pretrained', checkpoint=_save(tmp_path, arch=ARCH), prefix='backbone.')
    model = MaskedViT(ARCH, 64, 8, init_cfg=init_cfg)
    model.init_weights()
    assert model.pos_embed.shape == (1, 65, 32)
