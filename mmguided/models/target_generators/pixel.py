"""Pixel targets."""
from collections.abc import Mapping

import torch
from torch import Tensor

from mmguided.ops import normalize_patches, patchify, unpatchify
from mmguided.registry import MODELS
from mmguided.structures import PatchMask

from ..backbones.base import Encoder
from .base import TargetGenerator


@MODELS.register_module()
class PixelTarget(TargetGenerator):
    """Pixels of each patch, optionally normalized per patch (MAE Sec. 3).

    Args:
        encoders: See :class:`TargetGenerator`; the patch size comes from the student.
        norm_pix: Normalize each patch to zero mean and unit variance.
    """

    def __init__(self,
                 encoders: Mapping[str, Encoder],
                 norm_pix: bool = True) -> None:
        super().__init__(encoders)
        student = encoders['student']
        self.patch_size = student.patch_size
        self.norm_pix = norm_pix
        self.dims = self.patch_size**2 * student.in_channels

    def forward(self, images, observations):
        patches = patchify(images, self.patch_size)
        return normalize_patches(patches)[0] if self.norm_pix else patches

    def to_images(self, pred, images, mask):
        patches = patchify(images, self.patch_size)
        if self.norm_pix:
            # The prediction has neither brightness nor contrast. Those of the masked patches are
            # unknown to the model and would show the object even without a prediction.
            _, mean, std = normalize_patches(patches)
            pred = pred * _from_visible(std, mask) + _from_visible(mean, mask)
        patches = torch.where(mask.mask.bool().unsqueeze(-1), pred, patches)
        return unpatchify(patches, self.patch_size, mask.grid)


def _from_visible(values: Tensor, mask: PatchMask) -> Tensor:
    """Interpolate values ``(B, L, 1)`` of the visible patches, weighted by the inverse squared
    distance; the result in visible patches has no meaning."""
    positions = torch.cartesian_prod(
        *(torch.arange(side, device=values.device, dtype=values.dtype) for side in mask.grid))
    squared = torch.cdist(positions, positions).square().fill_diagonal_(1)
    weights = (1 - mask.mask).unsqueeze(1) / squared
    return weights @ values / weights.sum(dim=2, keepdim=True)
