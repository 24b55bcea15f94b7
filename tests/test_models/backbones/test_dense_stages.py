"""Swin and ConvNeXt of detectors and segmentors: the pretraining encoder, and nothing else."""
import pytest
import torch

from mmguided.models import DenseConvNeXt, DenseSwin, MaskedConvNeXt, MaskedSwin
from mmguided.utils.errors import ConfigError

SWIN = dict(
    arch=dict(embed_dims=8, depths=[1, 1, 2, 1], num_heads=[1, 1, 2, 2]), img_size=64,
    window_size=2)
CONVNEXT = dict(
    arch=dict(depths=[1, 1, 1, 1], channels=[8, 16, 24, 32]), use_grn=True,
    layer_scale_init_value=0.)
PAIRS = {
    'swin': (lambda: MaskedSwin(**SWIN, mask_stages=(0, 3)), DenseSwin, SWIN),
    'convnext': (
        lambda: MaskedConvNeXt(**CONVNEXT, gap_before_final_norm=False), DenseConvNeXt, CONVNEXT),
}


def save(path, encoder, without=None, **more):
    for parameter in encoder.parameters():
        parameter.data += .1 * torch.randn_like(parameter)
    state = encoder.state_dict() | more
    torch.save({f'backbone.{k}': v for k, v in state.items() if k != without}, path)


def dense(pair, path, **kwargs):
    _, kind, settings = pair
    model = kind(**settings, **kwargs, init_cfg=dict(
        type='Pretrained', checkpoint=str(path), prefix='backbone.'))
    model.init_weights()
    model.eval()
    return model


@pytest.mark.parametrize('name', PAIRS)
def test_last_map_is_the_pretraining_encoders(name, tmp_path):
    encoder = PAIRS[name][0]()
    encoder.init_weights()
    save(tmp_path / 'encoder.pth', encoder)
    encoder.eval()
    model = dense(PAIRS[name], tmp_path / 'encoder.pth', out_indices=(0, 1, 2, 3))
    images = torch.randn(2, 3, 64, 64)
    maps = model(images)
    assert [m.shape[-1] for m in maps] == [16, 8, 4, 2]
    assert torch.equal(maps[-1], encoder(images)[-1])
    assert torch.equal(model.norm0.weight, torch.ones(8))  # new


@pytest.mark.parametrize('without, more, said', [
    ('norm3.weight', {}, '1 missing .backbone.norm3.weight'),
    (None, dict(mask_tokens=torch.zeros(1)), '1 unexpected .backbone.mask_tokens')])
@pytest.mark.parametrize('name', PAIRS)
def test_only_early_norms_and_mask_tokens_may_differ(name, without, more, said, tmp_path):
    save(tmp_path / 'encoder.pth', PAIRS[name][0](), without, **more)
    with pytest.raises(ConfigError, match=said):
        dense(PAIRS[name], tmp_path / 'encoder.pth', out_indices=(0, 1, 2, 3))


def test_without_a_checkpoint_it_is_initialized_as_mmpretrains():
    model = DenseConvNeXt(**CONVNEXT)
    model.init_weights()
    weight = model.stages[0][0].pointwise_conv1.weight
    assert 0 < weight.std() < .03 and not model.stages[0][0].pointwise_conv1.bias.any()
