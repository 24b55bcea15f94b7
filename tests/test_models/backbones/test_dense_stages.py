"""DenseSwin and DenseConvNeXt: parity with the pretraining encoder, and strict loading."""
import pytest
import torch

from mmguided.models import DenseConvNeXt, DenseSwin, MaskedConvNeXt, MaskedSwin
from mmguided.utils.errors import ConfigError
from tests.helpers.models import as_trained

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
    state = as_trained(encoder).state_dict() | more
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


def test_windows_of_another_side_are_resized(tmp_path):
    """Tables with another number of heads or of a non-square size raise an error."""
    encoder = MaskedSwin(**dict(SWIN, img_size=96, window_size=3))
    save(tmp_path / 'encoder.pth', encoder)
    pair = (None, DenseSwin, dict(SWIN, img_size=128, window_size=4))
    model = dense(pair, tmp_path / 'encoder.pth')
    name = 'stages.2.blocks.1.attn.w_msa.relative_position_bias_table'
    ours, theirs = (e.state_dict()[name].view(-1, 2) for e in (model, encoder))
    assert (len(ours), len(theirs)) == (49, 25)
    assert torch.equal(ours[24], theirs[12]) and torch.equal(ours[[0, 48]], theirs[[0, 24]])
    assert model(torch.randn(1, 3, 128, 128))[0].shape == (1, 64, 4, 4)
    for wrong in (torch.zeros(25, 3), torch.zeros(24, 2)):
        save(tmp_path / 'encoder.pth', encoder, **{name: wrong})
        with pytest.raises(ConfigError, match=r'of another shape .*bias_table \(2\d, [23]\)'):
            dense(pair, tmp_path / 'encoder.pth')


@pytest.mark.parametrize('name, frozen', [('swin', 3), ('convnext', 4)])
def test_what_is_frozen_whole_is_so_from_the_start(name, frozen):
    """Freezing happens before train(), as DistributedDataParallel requires; no drop path."""
    _, kind, settings = PAIRS[name]
    model = kind(**settings, frozen_stages=frozen, drop_path_rate=.5)
    assert not any(p.requires_grad for p in model.parameters())
    model.train()
    assert not any(p.requires_grad for p in model.parameters())
    images = torch.randn(2, 3, 64, 64)
    assert torch.equal(model(images)[-1], model(images)[-1])
    assert all(p.requires_grad for p in kind(**settings).parameters())
