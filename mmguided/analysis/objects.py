"""How much of a mask lies on objects."""
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class ObjectShare:
    """Of each image, ``(B, )``.

    Attributes:
        masked: Share of the masked patches that is object.
        chance: The same of a random mask, on average: the share of the image that is object.
        best: The same of the mask that covers as much object as it can.
    """
    masked: Tensor
    chance: Tensor
    best: Tensor


def object_share(mask: Tensor, objects: Tensor) -> ObjectShare:
    """Share of the masked patches inside objects, against chance and against the best mask.

    Args:
        mask: ``(B, L)``, 1 = masked.
        objects: ``(B, L)``, the share of each patch's pixels that belongs to an object, in [0, 1].
    """
    num_mask = mask.sum(dim=1)
    masked = (mask * objects).sum(dim=1) / num_mask
    ranked = objects.sort(dim=1, descending=True).values
    best = ranked.cumsum(dim=1).gather(1, num_mask.long().unsqueeze(1) - 1).squeeze(1) / num_mask
    return ObjectShare(masked, objects.mean(dim=1), best)
