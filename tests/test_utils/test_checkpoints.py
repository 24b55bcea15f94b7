"""Strict loading and its errors."""
import pytest
import torch
from torch import nn

from mmguided.models import MaskedHybridViT, MaskedViT
from mmguided.utils.checkpoints import (
    check_backbone,
    compare_backbone,
    load_encoder,
    weights_of,
)
from mmguided.utils.errors import ConfigError


def state(width=24, depth=2, img_size=32, **kwargs):
    arch = dict(embed_dims=width, num_layers=depth, num_heads=2, feedforward_channels=2 * width)
    vit = MaskedViT(arch=arch, img_size=img_size, patch_size=8, **kwargs)
    return {f'backbone.{name}': value for name, value in vit.state_dict().items()}


def test_other_parts_and_another_grid_fit():
    checkpoint = {**state(img_size=(16, 64)), 'neck.mask_token': torch.zeros(1)}
    ours = {**state(img_size=(32, 48)), 'head.fc.weight': torch.zeros(1)}
    assert check_backbone(ours, checkpoint).fits


def test_a_weight_of_another_name_is_not_resized():
    ours, theirs = ({'neck.decoder_pos_embed': torch.zeros(1, n, 8)} for n in (16, 64))
    report = compare_backbone(ours, theirs, prefix='')
    assert report.mismatched == {'neck.decoder_pos_embed': ((1, 16, 8), (1, 64, 8))}


@pytest.mark.parametrize('ours, theirs, said', [
    (state(width=48), state(), r'backbone.cls_token \(1, 1, 24\) instead of \(1, 1, 48\).*'
     'width 24, 2 blocks and patch size 8.*width 48, 2 blocks and patch size 8'),
    (state(depth=3), state(depth=2), r'12 missing \(backbone.layers.2.*2 blocks.*3 blocks'),
    (state(depth=2), state(depth=3), r'12 unexpected \(backbone.layers.2'),
    (state(), {k: v for k, v in state().items() if not k.endswith('layers.1.ffn.layers.1.bias')},
     r'1 missing \(backbone.layers.1.ffn.layers.1.bias\)'),
    (state(), {k.removeprefix('backbone.'): v for k, v in state().items()},
     "'backbone.'.*tools/model_converters"),
    (state(out_type='avg_featmap'), state(), "out_type='featmap'")])
def test_differences_are_named(ours, theirs, said):
    with pytest.raises(ConfigError, match=said):
        check_backbone(ours, theirs)


@pytest.mark.parametrize('prefix', ['backbone.', ''])
def test_a_mask_token_of_the_checkpoint_alone_is_no_difference(prefix):
    tokens = dict.fromkeys(('backbone.mask_token', 'backbone.stage_mask_tokens.3'), torch.zeros(1))
    assert check_backbone(state(), state() | tokens, prefix).fits
    with pytest.raises(ConfigError, match=r'2 missing \(backbone.mask_token'):
        check_backbone(state() | tokens, state())
    for other in ('backbone.mask_tokens', 'backbone.layers.0.mask_token', 'neck.mask_token'):
        if other.startswith(prefix):
            with pytest.raises(ConfigError, match=f'1 unexpected .{other}'):
                check_backbone(state(), state() | {other: torch.zeros(1)}, prefix)


@pytest.mark.parametrize('wrap', [
    lambda state: state, lambda state: dict(state_dict=state, meta={}),
    lambda state: dict(model=state)])
def test_weights_are_found_in_every_usual_layout(wrap):
    assert weights_of(wrap(dict(a=1))) == dict(a=1)


@pytest.mark.parametrize('path, content, said', [
    ('', None, r"init_cfg\.checkpoint='': .*--cfg-options"),
    ('~/no/gone.pth', None, r"init_cfg\.checkpoint='~/no/gone\.pth': no such file"),
    ('x.pth', b'', "'x.pth': cannot be read"),
    ('x.pth', b'no checkpoint', "'x.pth': not a checkpoint"),
    ('x.pth', b'PK\3\4' + bytes(400), "'x.pth': cannot be read"),  # torch's format, cut off
    ('x.pth', [torch.zeros(1)], "'x.pth': .* list"),
    ('x.pth', dict(model=torch.zeros(1)), "'x.pth': .* Tensor"),
])
def test_what_is_no_checkpoint_is_named(tmp_path, monkeypatch, path, content, said):
    monkeypatch.chdir(tmp_path)
    if isinstance(content, bytes):
        (tmp_path / path).write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(ConfigError, match=said):
        load_encoder(nn.Identity(), dict(checkpoint=path))


def encoder(img_size=32, **stages):
    """Encoder with random weights everywhere."""
    arch = dict(embed_dims=24, num_layers=2, num_heads=2, feedforward_channels=48) | stages
    vit = MaskedHybridViT(arch, img_size, (2, 2, 2)) if stages else MaskedViT(arch, img_size, 8)
    for parameter in vit.parameters():
        nn.init.normal_(parameter)
    return vit


def save(path, weights, prefix='backbone.', **more):
    torch.save(dict(state_dict={prefix + k: v for k, v in weights.items()} | more), path)
    return dict(checkpoint=str(path), prefix=prefix)


@pytest.mark.parametrize('stages', [dict(), dict(stage_dims=(4, 8), stage_depths=(1, 1))])
def test_positions_of_another_grid_are_resized_on_loading(tmp_path, stages):
    source, target = encoder(img_size=64, **stages), encoder(**stages)
    load_encoder(target, save(tmp_path / 'x.pth', source.state_dict()))
    assert torch.equal(target.pos_embed[:, 0], source.pos_embed[:, 0])
    assert target.pos_embed.shape == (1, 17, 24)
    assert torch.equal(target.ln1.weight, source.ln1.weight)


def test_only_what_is_named_may_be_unused_or_new(tmp_path):
    source, target = encoder(), encoder()
    before = target.ln1.weight.clone()
    weights = {k: v for k, v in source.state_dict().items() if not k.startswith('ln1.')}
    settings = save(tmp_path / 'x.pth', weights | dict(fc=torch.zeros(1)))
    with pytest.raises(ConfigError, match='2 missing .backbone.ln1.weight, backbone.ln1.bias.; '
                                          '1 unexpected .backbone.fc'):
        load_encoder(target, settings)
    with pytest.raises(ConfigError, match='^[^;]*1 unexpected'):
        load_encoder(target, settings, new=r'ln1\.')
    with pytest.raises(ConfigError, match='^[^;]*2 missing'):
        load_encoder(target, settings, unused='fc$')
    load_encoder(target, settings, unused='fc$', new=r'ln1\.')
    assert torch.equal(target.ln1.weight, before)
    assert torch.equal(target.cls_token, source.cls_token)


@pytest.mark.parametrize('text', [
    'model = None', 'model = dict(backbone=1)', 'model = dict(backbone=dict(img_size=None))',
    "model = dict(backbone=dict(img_size='large'))", 'import os',
    'model = dict(data_preprocessor=dict(mean=[1]))', 'model = dict(backbone=dict(arch=dict()))'])
def test_configs_of_other_projects_in_a_checkpoint(tmp_path, text):
    path = str(tmp_path / 'other.pth')
    torch.save(dict(state_dict=dict(encoder().state_dict()), meta=dict(cfg=text)), path)
    other = encoder()
    load_encoder(other, dict(checkpoint=path))
    assert other.normalization is None
