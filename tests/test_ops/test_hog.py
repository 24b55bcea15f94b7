"""HOG against mmpretrain."""
import pytest
import torch
from mmpretrain.models.selfsup import HOGGenerator

from mmguided.models import HOGTarget
from mmguided.ops import hog
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


def test_bins_of_a_cell_have_unit_length_and_no_dependence_on_contrast():
    images = torch.rand(2, 3, 32, 48)
    histogram = hog(images, num_bins=7)
    assert histogram.shape == (2, 3, 7, 4, 6)
    torch.testing.assert_close(histogram.norm(dim=2), torch.ones(2, 3, 4, 6))
    torch.testing.assert_close(hog(.1 * images + .5, num_bins=7), histogram, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize('gx, gy, expected', [(1, 0, 4), (1, 2, 1), (1, -2, 7)])
def test_a_ramp_votes_for_its_direction_and_the_opposite_ramp_for_the_same(gx, gy, expected):
    """Nine bins of 20 degrees over half a turn, counted from the vertical gradient."""
    y, x = torch.meshgrid(torch.arange(48.), torch.arange(48.), indexing='ij')
    ramp = (gx * x + gy * y)[None, None]
    for image in (ramp, -ramp):
        inner = hog(image)[0, 0, :, 1:-1, 1:-1]  # the border is reflected
        assert (inner.argmax(0) == expected).all() and (inner.max(0).values == 1).all()
