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

    A mask may come in shots: those of ``drops`` are masked before a layer of the encoder, not
    before the first. Patches are then ordered by how long they last, so that to drop tokens is to
    cut the sequence: at any layer, the tokens present are the first of [ids_keep, ids_mask].

    Attributes:
        ids_keep: Patches that stay visible, ``(B, Lv)``, in the order in which the encoder sees
            them.
        ids_mask: Masked patches, ``(B, Lm)``; those of the last shot first.
        ids_restore: Place of each patch in [ids_keep, ids_mask], ``(B, L)``: the inverse
            permutation.
        mask: ``(B, L)``, float32, 1 = masked, in whichever shot, and 0 = visible (MAE's
            convention).
        drops: ``(layer, kept)`` of each shot, by rising layer: how many tokens are left when that
            layer runs.
    """
    ids_keep: Tensor
    ids_mask: Tensor
    ids_restore: Tensor
    mask: Tensor
    drops: tuple[tuple[int, int], ...]

    @classmethod
    def from_keys(cls, keys: Tensor, keep: int) -> 'PatchMask':
        """One shot before the first layer: the patches with the smallest keys stay visible.

        Args:
            keys: ``(B, L)``; every sampler is a way to make them.
            keep: Number of visible patches, see :func:`num_kept`.
        """
        return cls.from_order(keys.argsort(dim=1, stable=True), ((0, keep), ))

    @classmethod
    def from_order(cls, ids_shuffle: Tensor, drops: tuple[tuple[int, int], ...]) -> 'PatchMask':
        """From the patches by how long they last, longest first.

        Args:
            ids_shuffle: A permutation of the patches, ``(B, L)``.
            drops: See the attribute; empty if nothing is masked.
        """
        keep = drops[-1][1] if drops else ids_shuffle.shape[1]
        places = torch.arange(ids_shuffle.shape[1], device=ids_shuffle.device)
        ids_restore = torch.empty_like(ids_shuffle).scatter_(
            1, ids_shuffle, places.expand_as(ids_shuffle))
        return cls(
            ids_keep=ids_shuffle[:, :keep],
            ids_mask=ids_shuffle[:, keep:],
            ids_restore=ids_restore,
            mask=(ids_restore >= keep).float(),
            drops=drops)

    @property
    def ids_enter(self) -> Tensor:
        """Patches that enter the first layer, ``(B, n)``: all that its shot, if any, leaves."""
        entering = self.num_present(0)
        return torch.cat((self.ids_keep, self.ids_mask), dim=1)[:, :entering]

    def num_present(self, layer: int) -> int:
        """How many patches are present when ``layer`` runs."""
        return next((kept for at, kept in reversed(self.drops) if at <= layer),
                    self.mask.shape[1])

    def hidden(self, layer: int) -> Tensor:
        """Which patches are masked when ``layer`` runs, ``(B, L)``, bool."""
        return self.ids_restore >= self.num_present(layer)

    @property
    def shot(self) -> Tensor:
        """In which shot each patch was masked, counted from 1; 0 = visible. ``(B, L)``, int64."""
        survived = sum((self.ids_restore < kept).long() for _, kept in self.drops)
        return torch.where(self.mask.bool(), survived + 1, 0)
