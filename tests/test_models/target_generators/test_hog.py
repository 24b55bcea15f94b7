"""HOG targets: order of the values, errors; see test_ops for the numbers."""
import pytest
import torch

from mmguided.models import HOGTarget
from mmguided.ops import hog
from mmguided.utils.errors import ConfigError
from tests.helpers.models import images_only


def test_values_are_ordered_by_channel_then_bin_then_cell():
    images = torch.randn(2, 3, 16, 24)
    generator = HOGTarget(images_only(8), num_bins=5, cell=4)
    target, cells = generator(images, {}), hog(images, 5, 4, window=8)
    assert target.shape == (2, 6, generator.dims) == (2, 6, 3 * 5 * 4)
    values = target.view(2, 2, 3, 3, 5, 2, 2)  # image, patch (h, w), channel, bin, cell (h, w)
    for row in range(4):
        for column in range(6):
            assert torch.equal(values[:, row // 2, column // 2, :, :, row % 2, column % 2],
                               cells[..., row, column])


def test_it_asks_no_encoder_and_makes_no_images():
    generator, images = HOGTarget(images_only(8)), torch.randn(2, 3, 16, 24)
    assert generator.wants(None) == {}
    assert generator.to_images(generator(images, {}), images, None) is None


def test_cells_must_divide_the_patch():
    with pytest.raises(ConfigError, match='cell=5.* patch_size=8'):
        HOGTarget(images_only(8), cell=5)
