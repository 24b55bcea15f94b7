"""Which patches of a batch are visible and which are masked."""
from dataclasses import dataclass

import torch
from torch import Tensor


def num_kept(num_tokens: int, mask_ratio: float) -> int:
    """How many of ``num_tokens`` stay visible: ``floor(n * (1 - ratio))``, as the released codes.

    The one place that rounds. The product is exact in decimals and not in binary
    (``int(10 * (1 - 0.9))`` is 0), so floor is taken after adding 1e-6 of a token.
    """
    return int(num_tokens * (1 - mask_ratio) + 1e-6)


@dataclass(frozen=True)
class PatchMask:
    """The division of L patches into Lv visible and Lm masked ones, for a batch of B images.

    Attributes:
        ids_keep: Visible patches, ``(B, Lv)``, in the order in which the encoder sees them.
        ids_mask: Masked patches, ``(B, Lm)``.
        ids_restore: Place of each patch in [ids_keep, ids_mask], ``(B, L)``: the inverse
            permutation.
        mask: ``(B, L)``, float32, 1 = masked and 0 = visible (MAE's convention).
    """
    ids_keep: Tensor
    ids_mask: Tensor
    ids_restore: Tensor
    mask: Tensor

    @classmethod
    def from_keys(cls, keys: Tensor, keep: int) -> 'PatchMask':
        """The patches with the smallest keys stay visible.

        Args:
            keys: ``(B, L)``; every sampler is a way to make them.
            keep: Number of visible patches, see :func:`num_kept`.
        """
        ids_shuffle = keys.argsort(dim=1, stable=True)
        places = torch.arange(keys.shape[1], device=keys.device).expand_as(ids_shuffle)
        ids_restore = torch.empty_like(ids_shuffle).scatter_(1, ids_shuffle, places)
        return cls(
            ids_keep=ids_shuffle[:, :keep],
            ids_mask=ids_shuffle[:, keep:],
            ids_restore=ids_restore,
            mask=(ids_restore >= keep).float())
