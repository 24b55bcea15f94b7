"""Patch masks: visible and masked patches of a batch."""
from dataclasses import dataclass

import torch
from torch import Tensor


def len_keep(num_patches: int, mask_ratio: float) -> int:
    """Number of visible patches: ``floor(num_patches * (1 - mask_ratio))``.

    All rounding of patch counts happens here. 1e-6 is added because the product is inexact in
    binary (``int(10 * (1 - 0.9))`` is 0).
    """
    return int(num_patches * (1 - mask_ratio) + 1e-6)


@dataclass(frozen=True)
class PatchMask:
    """Mask of B images; all images have the same number of visible patches.

    A mask may consist of several shots, each before a layer of the encoder (Conditional MAE,
    Sec. 2.2). Patches are sorted by shot: visible patches first, then the patches of the last shot,
    and the patches of the first shot at the end. The patches present at a layer are therefore a
    prefix of ``ids_shuffle``, and masking truncates the sequence.

    Attributes:
        ids_shuffle: Patches in the order above, ``(B, L)``, a permutation.
        ids_restore: Inverse permutation, ``(B, L)``.
        shots: ``(layer, len_keep)`` of each shot in ascending layer order; ``len_keep`` is the
            number of patches present from that layer on.
        grid: Number of patches ``(h, w)`` of an image, ``h * w = L``.
    """
    ids_shuffle: Tensor
    ids_restore: Tensor
    shots: tuple[tuple[int, int], ...]
    grid: tuple[int, int]

    @classmethod
    def from_ids(cls, ids_shuffle: Tensor, shots: tuple[tuple[int, int], ...],
                 grid: tuple[int, int]) -> 'PatchMask':
        """Create a mask from all attributes except ``ids_restore``."""
        positions = torch.arange(ids_shuffle.shape[1], device=ids_shuffle.device)
        ids_restore = torch.empty_like(ids_shuffle).scatter_(
            1, ids_shuffle, positions.expand_as(ids_shuffle))
        return cls(ids_shuffle, ids_restore, shots, grid)

    @classmethod
    def none(cls, batch_size: int, grid: tuple[int, int],
             device: torch.device | None = None) -> 'PatchMask':
        """Mask without masked patches; patches are in the image's order."""
        patches = torch.arange(grid[0] * grid[1], device=device)
        return cls.from_ids(patches.expand(batch_size, -1), (), grid)

    @classmethod
    def random(cls, batch_size: int, grid: tuple[int, int], mask_ratio: float,
               device: torch.device, generator: torch.Generator | None = None) -> 'PatchMask':
        """Uniform random mask of one shot before layer 0 (MAE). ``generator`` is a CPU generator;
        None uses torch's global generator of the device."""
        num = grid[0] * grid[1]
        noise = torch.rand(batch_size, num, generator=generator,
                           device=device if generator is None else None)
        shots = ((0, len_keep(num, mask_ratio)), )
        return cls.from_ids(noise.argsort(dim=1).to(device), shots, grid)

    @property
    def num_patches(self) -> int:
        """Number L of patches."""
        return self.ids_shuffle.shape[1]

    @property
    def len_keep(self) -> int:
        """Number Lv of visible patches."""
        return self.shots[-1][1] if self.shots else self.num_patches

    @property
    def ids_keep(self) -> Tensor:
        """Visible patches ``(B, Lv)`` in the encoder's order."""
        return self.ids_shuffle[:, :self.len_keep]

    @property
    def ids_mask(self) -> Tensor:
        """Masked patches ``(B, Lm)``, last shot first."""
        return self.ids_shuffle[:, self.len_keep:]

    @property
    def mask(self) -> Tensor:
        """``(B, L)``, float32, 1 = masked, 0 = visible (MAE's convention)."""
        return (self.ids_restore >= self.len_keep).float()

    @property
    def groups(self) -> Tensor:
        """One-hot ``(B, L, 2)``, float32: visible, masked."""
        return torch.stack((1 - self.mask, self.mask), dim=-1)

    @property
    def shot(self) -> Tensor:
        """Number of the shot that masks each patch, from 1; 0 = visible. ``(B, L)``, int64."""
        survived = sum((self.ids_restore < keep).long() for _, keep in self.shots)
        return torch.where(self.ids_restore >= self.len_keep, survived + 1, 0)

    def len_keep_at(self, layer: int) -> int:
        """Number of patches present when ``layer`` runs."""
        return next((keep for first, keep in reversed(self.shots) if first <= layer),
                    self.num_patches)

    def ids_keep_at(self, layer: int) -> Tensor:
        """Patches present when ``layer`` runs, ``(B, len_keep_at(layer))``."""
        return self.ids_shuffle[:, :self.len_keep_at(layer)]

    def mask_at(self, layer: int) -> Tensor:
        """Patches masked when ``layer`` runs, ``(B, L)``, bool."""
        return self.ids_restore >= self.len_keep_at(layer)
