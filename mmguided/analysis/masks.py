"""What a mask leaves visible."""
import torch
from torch import Tensor

from mmguided.ops import patchify


def visible_positions(mask: Tensor) -> Tensor:
    """How evenly visible patches spread over the positions of the grid, from many images.

    The perplexity of the position of a visible patch, as a share of all positions: 1 if every
    position is visible equally often, as with random masks of very many images (.98 with 100 images
    and a mask ratio of .75); the share of visible patches if the same are visible in all images.

    Args:
        mask: ``(N, L)``, 1 = masked.

    Returns:
        A scalar in [1 - mask ratio, 1].
    """
    frequency = (1 - mask).mean(dim=0)
    return torch.special.entr(frequency / frequency.sum()).sum().exp() / mask.shape[1]


def visible_detail(images: Tensor, mask: Tensor, patch_size: int) -> Tensor:
    """Standard deviation of the pixels within visible patches, a mean over images, divided by that
    within all patches. Below 1, what is visible is smoother than what is hidden.

    Args:
        images: ``(N, 3, H, W)``.
        mask: ``(N, L)``, 1 = masked.
        patch_size: Side of a patch in pixels.

    Returns:
        A scalar; 1 for random masks, on average.
    """
    detail = patchify(images, patch_size).unflatten(2, (-1, 3)).std(dim=2, correction=0).mean(2)
    visible = 1 - mask
    return ((visible * detail).sum(1) / visible.sum(1)).mean() / detail.mean()
