"""HOG against mmpretrain."""
import pytest
import torch
from mmpretrain.models.selfsup import HOGGenerator

from mmguided.models import HOGTarget
from mmguided.utils.errors import ConfigError
from tests.helpers.models import images_only


def test_targets_equal_mmpretrains_at_224_pixels():
    images = torch.randn(2, 3, 224, 224)
    ours = HOGTarget(images_only(16))(images, {})
    torch.testing.assert_close(ours, HOGGenerator()(images), rtol=1e-4, atol=1e-5)


def test_targets_of_non_square_images_are_local():
    """Away from the border, patches of a crop along the grid equal those of the image."""
    images, target = torch.randn(1, 3, 64, 96), HOGTarget(images_only(16))
    whole = target(images, {}).view(4, 6, -1)
    crop = target(images[..., 16:80], {}).view(4, 4, -1)
    torch.testing.assert_close(crop[:, 1:3], whole[:, 2:4])
    assert HOGTarget(images_only(8), cell=4).dims == 3 * 9 * 4
    with pytest.raises(ConfigError, match='cell=5.* patch_size=8'):
        HOGTarget(images_only(8), cell=5)


def test_autocast_does_not_change_the_targets():
    images, target = torch.randn(2, 3, 32, 32), HOGTarget(images_only(16))
    with torch.autocast('cpu', torch.bfloat16):
        under_autocast = target(images, {})
    assert torch.equal(under_autocast, target(images, {}))
