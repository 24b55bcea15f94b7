"""Converters: weights compute the same in timm and mmpretrain, and no key is lost."""
import functools
import runpy
import sys

import pytest
import torch
from timm.models.vision_transformer import VisionTransformer as TimmViT

from mmguided.models import MaskedViT
from mmguided.utils.converters import (
    ccmim_from_released,
    cmae_from_released,
    mae_from_released,
    vit_from_ours,
)
from mmguided.utils.errors import ConfigError
from tests.helpers.paths import ROOT
from tests.test_models.test_cmae import cmae

ARCH = dict(embed_dims=32, num_layers=3, num_heads=2, feedforward_channels=128)


def _encoder():
    model = MaskedViT(ARCH, 32, 8)
    model.init_weights()
    for p in model.parameters():  # biases and norms too must be told apart
        p.data += .1 * torch.randn_like(p)
    model.eval()
    return model


def _timm():
    return TimmViT(
        img_size=32, patch_size=8, embed_dim=32, depth=3, num_heads=2, num_classes=0,
        global_pool='', norm_layer=functools.partial(torch.nn.LayerNorm, eps=1e-6))


def test_timm_computes_the_same_and_the_way_back_is_exact():
    ours, theirs = _encoder(), _timm().eval()
    state = {f'backbone.{k}': v for k, v in ours.state_dict().items()}
    theirs.load_state_dict(vit_from_ours(state | {'neck.x': torch.zeros(1)}, 'timm'), strict=True)
    images = torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(theirs(images), ours(images)[0], rtol=1e-4, atol=1e-5)
    back = mae_from_released(theirs.state_dict())
    assert back.keys() == state.keys() and all(torch.equal(back[k], state[k]) for k in state)


@pytest.mark.parametrize('change, said', [
    (lambda state: state.pop('blocks.1.mlp.fc2.bias'), r'1 missing keys \(blocks.1.mlp.fc2.bias\)'),
    (lambda state: state.update(head=torch.zeros(1)), r'1 unexpected keys \(head\)'),
    (lambda state: state.update(mask_token=torch.zeros(1)), 'missing keys .decoder_embed.bias'),
    (lambda state: state.clear(), 'missing keys'),
])
def test_half_or_foreign_checkpoints_are_refused(change, said):
    state = _timm().state_dict()
    change(state)
    with pytest.raises(ConfigError, match=said):
        mae_from_released(state)


def test_ccmim_needs_its_projector():
    with pytest.raises(ConfigError, match='released ccMIM: .* missing keys'):
        ccmim_from_released(_timm().state_dict())


def _released_cmae():
    """A model of ours under the released names, and its weights under ours."""
    ours = cmae().state_dict()
    parts = {
        'backbone': 'backbone', 'momentum_encoder.encoder': 'target_backbone',
        'neck': 'pixel_decoder', 'feature_decoder': 'feature_decoder', 'projector': 'projector',
        'target_projector': 'target_projector', 'contrast_head.predictor': 'head.predictor'}
    released = {}
    for name, value in ours.items():
        part = next(p for p in parts if name.startswith(f'{p}.'))
        released[parts[part] + name.removeprefix(part)] = value
    return released, ours


def test_cmae_whole_and_its_encoder_alone():
    released, ours = _released_cmae()
    converted = cmae_from_released(released)
    assert converted.keys() == ours.keys()
    assert all(torch.equal(converted[k], v) for k, v in ours.items())
    encoder = {k: v for k, v in released.items() if k.startswith('backbone.')}
    assert cmae_from_released(encoder).keys() == encoder.keys()


@pytest.mark.parametrize('dropped', [
    'head.predictor.fc1.weight', 'target_backbone.layers.1.ln1.bias', 'backbone.cls_token',
    'feature_decoder.decoder_blocks.0.ln2.weight', 'projector.bn0.running_var'])
def test_cmae_without_a_key_is_refused(dropped):
    released, _ = _released_cmae()
    del released[dropped]
    with pytest.raises(ConfigError, match=f'1 missing keys .{dropped}'):
        cmae_from_released(released)


def _run(monkeypatch, script, *args):
    monkeypatch.setattr(sys, 'argv', [script, *map(str, args)])
    runpy.run_path(str(ROOT / 'tools' / 'model_converters' / script), run_name='__main__')


def test_scripts(tmp_path, monkeypatch, capsys):
    released, ours, plain = (tmp_path / f'{name}.pth' for name in 'abc')
    torch.save(dict(model=_timm().state_dict()), released)
    _run(monkeypatch, 'released_to_mmguided.py', 'mae', released, ours)
    _run(monkeypatch, 'mmguided_to_vit.py', ours, plain, '--layout', 'timm')
    _timm().load_state_dict(torch.load(plain), strict=True)
    _run(monkeypatch, 'mmguided_to_vit.py', ours, plain)
    MaskedViT(ARCH, 32, 8).load_state_dict(torch.load(plain), strict=True)
    assert f'every key of {released} used' in capsys.readouterr().out
    with pytest.raises(SystemExit, match="error: src='nowhere.pth': no such file"):
        _run(monkeypatch, 'mmguided_to_vit.py', 'nowhere.pth', plain)


