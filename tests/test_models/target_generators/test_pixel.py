"""Pixel targets, with and without normalization, and reconstruction of images."""
import torch

from mmguided.models import PixelTarget
from tests.helpers.models import images_only, patch_mask


def test_predictions_stand_in_masked_patches_alone():
    target = PixelTarget(images_only(4), norm_pix=False)
    images, mask = 3 * torch.randn(2, 3, 8, 12) + 1, patch_mask(torch.rand(2, 6), 2, (2, 3))
    torch.testing.assert_close(target.to_images(target(images, {}), images, mask), images)
    shown = target.to_images(torch.zeros(2, 6, 48), images, mask)
    masked = mask.mask.view(2, 1, 2, 3).repeat_interleave(4, 2).repeat_interleave(4, 3).bool()
    assert torch.equal(shown, images.masked_fill(masked, 0))


def test_brightness_and_contrast_come_from_the_visible_patches():
    """Patches 0 and 3 of 4 are visible. For patch 1, at distances 1 and 2, they have the weights .8
    and .2."""
    target = PixelTarget(images_only(4))
    bright, dark = torch.randn(2, 3, 4, 4) * torch.tensor([2., 8]).view(2, 1, 1, 1) + 1
    mask = patch_mask(torch.tensor([[0., 2, 3, 1]]), 2, (1, 4))
    assert mask.mask.tolist() == [[0, 1, 1, 0]]
    shown = [target.to_images(torch.full((1, 4, 48), value), torch.cat(
        (bright, torch.randn(3, 4, 8) + 9, dark), dim=2)[None], mask)[0] for value in (0., 1.)]
    for place, near, far in ((1, .8, .2), (2, .2, .8)):
        patch = slice(4 * place, 4 * place + 4)
        expected = near * bright.mean() + far * dark.mean()
        torch.testing.assert_close(shown[0][..., patch], expected.expand(3, 4, 4))
        contrast = near * bright.std() + far * dark.std()
        torch.testing.assert_close(
            (shown[1] - shown[0])[..., patch], contrast.expand(3, 4, 4), rtol=1e-4, atol=1e-4)
    assert torch.equal(shown[1][..., :4], bright) and torch.equal(shown[1][..., 12:], dark)
