"""OpenCLIPTeacher: parity with open_clip on the student's grid; not trained, not saved."""
import hashlib
import json
import shutil

import pytest
import torch
from torch import nn

from mmguided.models.teachers import OpenCLIPTeacher
from mmguided.structures import Observation, PatchMask, Wants
from mmguided.utils.errors import ConfigError

open_clip = pytest.importorskip('open_clip')

IMAGENET = dict(pixel_mean=(123.675, 116.28, 103.53), pixel_std=(58.395, 57.12, 57.375))
BOTH = Wants(tokens=True, attention=frozenset({(-1, 'heads')}))
#: name -> side of the images, of the patches
MODELS = {'tiny-a': (32, 8), 'tiny-b-quickgelu': (48, 16)}


@pytest.fixture(scope='module')
def weights(tmp_path_factory):
    """Files of random weights by model name."""
    folder = tmp_path_factory.mktemp('clip')
    for name, (side, patch) in MODELS.items():
        (folder / f'{name}.json').write_text(json.dumps(dict(
            embed_dim=12, quick_gelu=name.endswith('quickgelu'),
            vision_cfg=dict(image_size=side, layers=3, width=24, head_width=8, patch_size=patch),
            text_cfg=dict(context_length=8, vocab_size=20, width=16, heads=2, layers=1))))
    open_clip.add_model_config(folder)
    paths = {}
    for name in MODELS:
        torch.manual_seed(0)
        model = open_clip.create_model(name)
        for parameter in model.visual.parameters():
            nn.init.normal_(parameter, std=.8)
        paths[name] = str(folder / f'{name}.pth')
        torch.save(model.state_dict(), paths[name])
    return paths


def teacher(weights, name='tiny-a', patch_size=8, **settings):
    settings = dict(dict(quick_gelu=name.endswith('quickgelu')), **settings)
    return OpenCLIPTeacher(patch_size, **IMAGENET, model_name=name, pretrained=weights[name],
                           **settings)


def reference(weights, name):
    model = open_clip.create_model(name)
    open_clip.load_checkpoint(model, weights[name])
    return model.visual.eval()


def as_student(images: torch.Tensor) -> torch.Tensor:
    """Normalize RGB in [0, 1] as the student."""
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in IMAGENET.values())
    return (images * 255 - mean) / std


def as_clip(images: torch.Tensor) -> torch.Tensor:
    """Normalize RGB in [0, 1] as CLIP."""
    mean = torch.tensor((.48145466, .4578275, .40821073)).view(1, 3, 1, 1)
    return (images - mean) / torch.tensor((.26862954, .26130258, .27577711)).view(1, 3, 1, 1)


def test_tokens_before_and_after_norm_and_projection(weights):
    images = as_student(torch.rand(2, 3, 32, 32))
    last, norm, projection = (teacher(weights, tokens=tokens)
                              for tokens in ('last_block', 'norm', 'projection'))
    visual = reference(weights, 'tiny-a')
    expected = [visual.ln_post(last.observe(images, BOTH).tokens),
                projection.observe(images, BOTH).tokens]
    tokens = norm.observe(images, BOTH).tokens
    torch.testing.assert_close(expected[0], tokens)
    torch.testing.assert_close(expected[1], tokens @ visual.proj)
    assert (last.embed_dims, norm.embed_dims, projection.embed_dims) == (24, 24, 12)


@pytest.mark.parametrize('name', MODELS)
def test_tokens_and_attention_are_open_clips(weights, name):
    side, patch = MODELS[name]
    images = torch.rand(2, 3, side, side)
    seen = teacher(weights, name, patch).observe(as_student(images), BOTH)

    visual, inputs = reference(weights, name), []
    attn = visual.transformer.resblocks[-1].attn
    attn.register_forward_pre_hook(lambda module, args: inputs.append(args[0]))
    visual.output_tokens = True
    with torch.no_grad():
        _, tokens = visual(as_clip(images))
        x, = inputs
        _, maps = attn(x, x, x, need_weights=True, average_attn_weights=True)
    torch.testing.assert_close(seen.tokens[:, 1:], tokens, rtol=1e-5, atol=1e-5)
    row = seen.attention[2, 'heads']
    torch.testing.assert_close(row, maps[:, 0, 1:], rtol=1e-5, atol=1e-6)
    assert row.std() > .01  # there is something to compare


def test_another_grid_is_resampled_to_the_students(weights):
    """The teacher has 3 x 3 patches of 48 px images; the student 4 x 4 of 32 px images."""
    model = teacher(weights, 'tiny-b-quickgelu', patch_size=8)
    ramp = torch.arange(3.).repeat(3).view(1, 9, 1).expand(2, 9, 24)  # by column
    model.encode = lambda images, wants: (Observation(
        3, torch.cat((ramp[:, :1], ramp), 1), {(2, 'heads'): ramp[..., 0] / 9}), (3, 3))
    seen = model.observe(as_student(torch.rand(2, 3, 32, 32)), BOTH)
    columns = seen.tokens[0, 1:, 0].view(4, 4)
    torch.testing.assert_close(columns, columns[:1].expand(4, 4))
    torch.testing.assert_close(columns[0], torch.tensor([0., .625, 1.375, 2.]))
    torch.testing.assert_close(seen.attention[2, 'heads'].sum(1), torch.ones(2))


def test_a_mask_hides_nothing_from_it(weights):
    model, images = teacher(weights), as_student(torch.rand(2, 3, 32, 32))
    ids = torch.stack([torch.randperm(16), torch.randperm(16)])
    mask = PatchMask.from_ids(ids, ((0, 5), ), (4, 4))
    whole = model.observe(images, BOTH).attention[2, 'heads']
    rows = model.observe(images, BOTH, mask).attention[2, 'heads']
    assert torch.equal(rows, whole.gather(1, ids[:, :5]))


def test_it_is_neither_trained_nor_saved_but_moves_along(weights):
    model = teacher(weights).train()
    assert list(model.state_dict()) == ['weights_sha256'] and not list(model.parameters())
    assert not model.model.training and not any(p.requires_grad for p in model.model.parameters())
    assert model.double().model.conv1.weight.dtype == torch.float64


def test_a_checkpoint_of_another_teacher_is_refused(weights, tmp_path):
    model = teacher(weights)
    state = dict(model.state_dict())
    teacher(weights).load_state_dict(state)
    model.load_state_dict({})  # a checkpoint that was made without one
    changed = torch.load(weights['tiny-a'])
    changed['visual.ln_post.bias'][3] += 1e-3
    torch.save(changed, tmp_path / 'changed.pth')
    with pytest.raises(ConfigError, match='model.teacher: .*SHA-256'):
        teacher({'tiny-a': str(tmp_path / 'changed.pth')}).load_state_dict(state)


@pytest.mark.parametrize('settings, message', [
    (dict(model_name='ViT-B16'), "model_name='ViT-B16'.*'ViT-B-16"),
    (dict(model_name='RN50'), "model_name='RN50'"),
    (dict(model_name='ViT-B-16', pretrained='opanai'), "pretrained='opanai'"),
    (dict(model_name='ViT-B-16', pretrained='openai'),
     "pretrained='openai'.*teacher.download=True.*download_pretrained.*'ViT-B-16', 'openai'"),
    (dict(quick_gelu=None), 'teacher.quick_gelu=None'),
    (dict(model_name='tiny-b-quickgelu'), 'teacher.pretrained=.*tiny-b-quickgelu'),
])
def test_wrong_and_missing_weights_are_named(weights, settings, message, tmp_path):
    settings = dict(dict(model_name='tiny-a', pretrained=weights['tiny-a'], quick_gelu=False,
                         cache_dir=str(tmp_path)), **settings)
    if settings['model_name'] == 'RN50':
        torch.save(open_clip.create_model('RN50').state_dict(), tmp_path / 'rn.pth')
        settings['pretrained'] = str(tmp_path / 'rn.pth')
    with pytest.raises(ConfigError, match=message):
        OpenCLIPTeacher(8, **IMAGENET, **settings)


def test_openais_weights_tell_that_they_want_quick_gelu(weights, tmp_path, monkeypatch):
    """They are a TorchScript archive with a known hash; other archives can run code."""
    clip = open_clip.create_model('tiny-a').eval()
    open_clip.load_checkpoint(clip, weights['tiny-a'])
    clip.attn_mask = None  # which a trace would save
    script = torch.jit.trace_module(clip, dict(encode_image=torch.rand(1, 3, 32, 32)))
    script.save(str(tmp_path / 'openai.pth'))
    images = as_student(torch.rand(2, 3, 32, 32))
    with pytest.raises(ConfigError, match='teacher.pretrained=.*TorchScript'):
        teacher({'tiny-a': str(tmp_path / 'openai.pth')}, quick_gelu=None)
    sha256 = hashlib.sha256((tmp_path / 'openai.pth').read_bytes()).hexdigest()
    monkeypatch.setattr(open_clip, 'get_pretrained_url', lambda *args: f'https://a/{sha256}/b.pt')
    told = teacher({'tiny-a': str(tmp_path / 'openai.pth')}, quick_gelu=None)
    quick, exact = (teacher(weights, quick_gelu=value) for value in (True, False))
    seen = [model.observe(images, BOTH).tokens for model in (told, quick, exact)]
    assert torch.equal(seen[0], seen[1]) and not torch.allclose(seen[0], seen[2])


def test_autocast_halves_the_pass_and_leaves_its_answer_in_place(weights):
    """Features match up to bfloat16 rounding; the attention stays float32."""
    model, images = teacher(weights), as_student(torch.rand(2, 3, 32, 32))
    model.model.apply(lambda m: [p.mul_(.2) for p in m.parameters(recurse=False)])
    whole = model.observe(images, BOTH)
    inner = []
    model.model.transformer.resblocks[0].mlp.register_forward_hook(
        lambda module, args, output: inner.append(output.dtype))
    with torch.autocast('cpu', torch.bfloat16):
        seen = model.observe(images, BOTH)
    assert inner == [torch.bfloat16]
    torch.testing.assert_close(seen.tokens.float(), whole.tokens, rtol=.05, atol=.05)
    row, expected = seen.attention[2, 'heads'], whole.attention[2, 'heads']
    assert row.dtype == torch.float32
    torch.testing.assert_close(row, expected, rtol=.05, atol=1e-3)


@pytest.mark.parametrize('name', MODELS)
def test_a_folder_in_open_clips_format_is_a_model_with_its_weights(weights, tmp_path, name):
    """Its config specifies QuickGELU."""
    side, patch = MODELS[name]
    images = as_student(torch.rand(2, 3, side, side))
    folder = dict(model_name=f'local-dir:{tmp_path}', pretrained=None)
    with pytest.raises(ConfigError, match=r'model_name=.*open_clip_config\.json'):
        OpenCLIPTeacher(patch, **IMAGENET, **folder)
    config = dict(model_cfg=open_clip.get_model_config(name), preprocess_cfg=dict(
        mean=open_clip.OPENAI_DATASET_MEAN, std=open_clip.OPENAI_DATASET_STD))
    (tmp_path / 'open_clip_config.json').write_text(json.dumps(config))
    shutil.copy(weights[name], tmp_path / 'open_clip_pytorch_model.bin')
    seen = OpenCLIPTeacher(patch, **IMAGENET, **folder).observe(images, BOTH)
    assert torch.equal(seen.tokens, teacher(weights, name, patch).observe(images, BOTH).tokens)
    with pytest.raises(ConfigError, match="teacher.pretrained='openai'"):
        OpenCLIPTeacher(patch, **IMAGENET, model_name=folder['model_name'])


def test_normalization_of_a_tag(weights, monkeypatch):
    """For example that of ViT-L-14, laion2b_s32b_b82k, is not OpenAI's."""
    own = dict(mean=(.5, .4, .3), std=(.2, .3, .4))
    monkeypatch.setattr(open_clip, 'get_pretrained_cfg', lambda *_: own)
    images, model = torch.rand(2, 3, 32, 32), teacher(weights)
    mean, std = (torch.tensor(value).view(1, 3, 1, 1) for value in own.values())
    torch.testing.assert_close(
        as_student(images) * model.scale + model.shift, (images - mean) / std)


def test_attention_of_another_layer_is_refused(weights):
    with pytest.raises(ConfigError, match=r'guidance.layers: .*\[-1\]'):
        teacher(weights).check_wants(Wants(attention=frozenset({(0, 'heads')})))
