"""Measures of masks."""
from dataclasses import dataclass

import torch
from torch import Tensor

from mmguided.ops import patchify


def visible_positions(mask: Tensor) -> Tensor:
    """Evenness of the visible positions over many images.

    The measure is the perplexity of the position of a visible patch, divided by the number of
    positions. It is 1 if every position is visible equally often, as with random masks of very many
    images (.98 with 100 images and a mask ratio of .75), and 1 - mask ratio if the same patches are
    visible in all images.

    Args:
        mask: ``(N, L)``, 1 = masked.

    Returns:
        A scalar in [1 - mask ratio, 1].
    """
    frequency = (1 - mask).mean(dim=0)
    return torch.special.entr(frequency / frequency.sum()).sum().exp() / mask.shape[1]


def visible_detail(images: Tensor, mask: Tensor, patch_size: int) -> Tensor:
    """Mean standard deviation of the pixels within visible patches, divided by the same mean
    over all patches. A value below 1 means that visible patches are smoother than masked patches.

    Args:
        images: ``(N, 3, H, W)``.
        mask: ``(N, L)``, 1 = masked.
        patch_size: Side of a patch in pixels.

    Returns:
        A scalar; 1 in expectation for random masks.
    """
    detail = patchify(images, patch_size).unflatten(2, (-1, 3)).std(dim=2, correction=0).mean(2)
    visible = 1 - mask
    return ((visible * detail).sum(1) / visible.sum(1)).mean() / detail.mean()


@dataclass(frozen=True)
class ObjectShare:
    """Object share of masked patches, ``(B, )`` each.

    Attributes:
        masked: Share of the masked area that objects cover.
        chance: Expectation for a random mask, which is the object share of the image.
        best: Maximum over all masks with the same number of patches.
    """
    masked: Tensor
    chance: Tensor
    best: Tensor


def object_share(mask: Tensor, objects: Tensor) -> ObjectShare:
    """Object share of the masked patches, compared with a random mask and the best mask.

    Args:
        mask: ``(B, L)``, 1 = masked.
        objects: Object share of each patch, ``(B, L)``, in [0, 1].
    """
    num_mask = mask.sum(dim=1)
    masked = (mask * objects).sum(dim=1) / num_mask
    ranked = objects.sort(dim=1, descending=True).values
    best = ranked.cumsum(dim=1).gather(1, num_mask.long().unsqueeze(1) - 1).squeeze(1) / num_mask
    return ObjectShare(masked, objects.mean(dim=1), best)
