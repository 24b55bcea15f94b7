"""Pixel targets."""
from collections.abc import Mapping

import torch

from mmguided.ops import normalize_patches, patchify, unpatchify
from mmguided.registry import MODELS

from ..backbones.base import Encoder
from .base import TargetGenerator


@MODELS.register_module()
class PixelTarget(TargetGenerator):
    """Pixels of each patch, optionally normalized per patch (MAE Sec. 3).

    Args:
        encoders: See :class:`TargetGenerator`; the patch size comes from the student.
        norm_pix: Normalize each patch to zero mean and unit variance.
        in_channels: Image channels.
    """

    def __init__(self,
                 encoders: Mapping[str, Encoder],
                 norm_pix: bool = True,
                 in_channels: int = 3) -> None:
        super().__init__(encoders)
        self.patch_size = encoders['student'].patch_size
        self.norm_pix = norm_pix
        self.dims = self.patch_size**2 * in_channels

    def forward(self, images, observations):
        patches = patchify(images, self.patch_size)
        return normalize_patches(patches)[0] if self.norm_pix else patches

    def to_images(self, pred, images, mask):
        patches = patchify(images, self.patch_size)
        if self.norm_pix:
            # Restore the mean and contrast of the original patch.
            _, mean, std = normalize_patches(patches)
            pred = pred * std + mean
        patches = torch.where(mask.mask.bool().unsqueeze(-1), pred, patches)
        return unpatchify(patches, self.patch_size, mask.grid)
