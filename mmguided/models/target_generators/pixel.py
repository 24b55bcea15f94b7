"""Pixels as targets."""
from mmengine.model import BaseModule
from torch import Tensor

from mmguided.ops import normalise_patches, patchify
from mmguided.registry import MODELS


@MODELS.register_module()
class PixelTarget(BaseModule):
    """The pixels of each patch, as they are or normalised per patch (MAE Sec. 3).

    Args:
        patch_size: Side of a patch in pixels; algorithms fill in their backbone's.
        norm_pix: Give each patch zero mean and unit variance.
        in_channels: Channels of the images.

    Attributes:
        dims: Values per patch.
    """

    def __init__(self, patch_size: int, norm_pix: bool = True, in_channels: int = 3) -> None:
        super().__init__()
        self.patch_size = patch_size
        self.norm_pix = norm_pix
        self.dims = patch_size**2 * in_channels

    def forward(self, images: Tensor) -> Tensor:
        """Targets ``(B, L, dims)`` of images ``(B, C, H, W)``."""
        patches = patchify(images, self.patch_size)
        return normalise_patches(patches)[0] if self.norm_pix else patches
