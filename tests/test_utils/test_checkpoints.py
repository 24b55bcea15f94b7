"""check_backbone tells a right checkpoint from wrong ones, and says what to do."""
import pytest
import torch

from mmguided.models import MaskedViT
from mmguided.utils.checkpoints import check_backbone, compare_backbone
from mmguided.utils.errors import ConfigError


def state(width=24, depth=2, img_size=32, **kwargs):
    arch = dict(embed_dims=width, num_layers=depth, num_heads=2, feedforward_channels=2 * width)
    vit = MaskedViT(arch=arch, img_size=img_size, patch_size=8, **kwargs)
    return {f'backbone.{name}': value for name, value in vit.state_dict().items()}


def test_right_checkpoint_with_other_parts():
    checkpoint = {**state(), 'neck.mask_token': torch.zeros(1)}
    assert check_backbone({**state(), 'head.fc.weight': torch.zeros(1)}, checkpoint).fits


def test_another_square_grid_fits():
    assert check_backbone(state(img_size=(32, 48)), state(img_size=64)).fits


def test_non_square_grid_does_not_fit():
    with pytest.raises(ConfigError, match='square grid only'):
        check_backbone(state(), state(img_size=(32, 64)))


def test_a_weight_of_another_name_is_not_resized():
    ours, theirs = ({'neck.decoder_pos_embed': torch.zeros(1, n, 8)} for n in (16, 64))
    report = compare_backbone(ours, theirs, prefix='')
    assert report.mismatched == {'neck.decoder_pos_embed': ((1, 16, 8), (1, 64, 8))}


def test_wrong_width_names_both_sizes():
    with pytest.raises(ConfigError) as error:
        check_backbone(state(width=48), state())
    assert 'backbone.cls_token (1, 1, 24) instead of (1, 1, 48)' in str(error.value)
    assert 'holds a ViT of width 24, 2 blocks and patch size 8' in str(error.value)
    assert 'this config builds width 48, 2 blocks and patch size 8' in str(error.value)


def test_names_of_missing_and_unexpected_blocks():
    shallow, deep = state(depth=2), state(depth=3)
    block = {name for name in deep if '.layers.2.' in name}
    assert len(block) == 12
    assert set(compare_backbone(deep, shallow).missing) == block
    assert set(compare_backbone(shallow, deep).unexpected) == block
    with pytest.raises(ConfigError, match='12 missing .*2 blocks and patch .* builds .*3 blocks'):
        check_backbone(deep, shallow)


def test_one_missing_weight():
    checkpoint = state()
    del checkpoint['backbone.layers.1.ffn.layers.1.bias']
    with pytest.raises(ConfigError, match=r'1 missing \(backbone.layers.1.ffn.layers.1.bias\)'):
        check_backbone(state(), checkpoint)


def test_foreign_names():
    checkpoint = {name.removeprefix('backbone.'): value for name, value in state().items()}
    with pytest.raises(ConfigError, match="starts with 'backbone.'.*tools/model_converters"):
        check_backbone(state(), checkpoint)


def test_average_norm_is_not_pretrained():
    with pytest.raises(ConfigError, match="use out_type='featmap'"):
        check_backbone(state(out_type='avg_featmap'), state())
