"""Pretrained weights of MaskedSwin and MaskedConvNeXt are loaded strictly."""
import pytest
import torch
from mmpretrain.models import ConvNeXt, SwinTransformer

from mmguided.models import MaskedConvNeXt, MaskedSwin
from mmguided.utils.errors import ConfigError
from tests.helpers.models import as_trained

SWIN = dict(arch=dict(embed_dims=24, depths=[1, 1], num_heads=[2, 4]), img_size=32, window_size=4,
            out_indices=(1, ))
CONVNEXT = dict(arch=dict(depths=[1, 1], channels=[8, 16]), out_indices=(1, ))
PAIRS = [(MaskedSwin, SwinTransformer, SWIN), (MaskedConvNeXt, ConvNeXt, CONVNEXT)]


def load(kind, settings, path, state):
    torch.save({f'backbone.{name}': value for name, value in state.items()}, path)
    model = kind(**settings, init_cfg=dict(
        type='Pretrained', checkpoint=str(path), prefix='backbone.'))
    model.init_weights()
    return model.state_dict()


@pytest.mark.parametrize('masked, plain, settings', PAIRS)
def test_all_weights_of_mmpretrains_encoder_are_loaded(masked, plain, settings, tmp_path):
    state = as_trained(plain(**settings)).state_dict()
    loaded = load(masked, settings, tmp_path / 'plain.pth', state)
    assert loaded.keys() - {'mask_token'} == state.keys()
    for name, value in state.items():
        assert torch.equal(loaded[name], value), name


@pytest.mark.parametrize('masked, plain, settings', PAIRS)
def test_partial_checkpoints_are_refused(masked, plain, settings, tmp_path):
    state = {name: value for name, value in plain(**settings).state_dict().items()
             if not name.startswith('stages.1.')}
    with pytest.raises(ConfigError, match='stages.1'):
        load(masked, settings, tmp_path / 'partial.pth', state)


def test_windows_are_resized(tmp_path):
    state = as_trained(MaskedSwin(**SWIN)).state_dict()
    loaded = load(MaskedSwin, SWIN | dict(window_size=8, img_size=64), tmp_path / 'swin.pth', state)
    table = 'stages.0.blocks.0.attn.w_msa.relative_position_bias_table'
    assert state[table].shape == (49, 2) and loaded[table].shape == (225, 2)
    assert torch.equal(loaded['mask_token'], state['mask_token'])
