"""Pixel targets, with and without normalization, and reconstruction of images."""
import pytest
import torch

from mmguided.models import PixelTarget
from tests.helpers.models import images_only, patch_mask


@pytest.mark.parametrize('norm_pix', [False, True])
def test_a_perfect_prediction_gives_the_images_back(norm_pix):
    target = PixelTarget(images_only(4), norm_pix=norm_pix)
    images = 3 * torch.randn(2, 3, 8, 12) + 1
    mask = patch_mask(torch.rand(2, 6), 2, (2, 3))
    back = target.to_images(target(images, {}), images, mask)
    torch.testing.assert_close(back, images, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('norm_pix', [False, True])
def test_predictions_stand_in_masked_patches_alone(norm_pix):
    """A prediction of zeros is black, or the mean color of the patch with normalization."""
    target = PixelTarget(images_only(4), norm_pix=norm_pix)
    images, mask = torch.rand(2, 3, 8, 12) + 1, patch_mask(torch.rand(2, 6), 2, (2, 3))
    shown = target.to_images(torch.zeros(2, 6, 48), images, mask)
    for image in range(2):
        for patch in range(6):
            rows = slice(4 * (patch // 3), 4 * (patch // 3) + 4)
            columns = slice(4 * (patch % 3), 4 * (patch % 3) + 4)
            true, ours = (x[image, :, rows, columns] for x in (images, shown))
            if mask.mask[image, patch]:
                true = true.mean().expand(3, 4, 4) if norm_pix else torch.zeros(3, 4, 4)
            torch.testing.assert_close(ours, true)
