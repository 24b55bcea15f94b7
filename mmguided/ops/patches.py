"""Conversion between images and sequences of patches."""
import torch
from torch import Tensor


def patchify(images: Tensor, patch_size: int) -> Tensor:
    """Cut images into patches in row-major order; channels vary fastest within a patch, as in MAE.

    Args:
        images: ``(B, C, H, W)``.
        patch_size: Side of a patch in pixels; must divide H and W.

    Returns:
        ``(B, L, patch_size**2 * C)`` with ``L = (H / patch_size) * (W / patch_size)``.
    """
    batch, channels, height, width = images.shape
    h, w = height // patch_size, width // patch_size
    patches = images.reshape(batch, channels, h, patch_size, w, patch_size)
    return patches.permute(0, 2, 4, 3, 5, 1).reshape(batch, h * w, patch_size**2 * channels)


def unpatchify(patches: Tensor, patch_size: int, grid: tuple[int, int]) -> Tensor:
    """Invert :func:`patchify` for a grid of ``(h, w)`` patches."""
    batch, h, w = patches.shape[0], *grid
    images = patches.reshape(batch, h, w, patch_size, patch_size, -1).permute(0, 5, 1, 3, 2, 4)
    return images.reshape(batch, -1, h * patch_size, w * patch_size)


def normalize_patches(patches: Tensor, eps: float = 1e-6) -> tuple[Tensor, Tensor, Tensor]:
    """Normalize each patch to zero mean and unit (unbiased) variance: MAE's ``norm_pix_loss``.

    Args:
        patches: ``(B, L, D)``.

    Returns:
        Normalized patches ``(B, L, D)``, means and standard deviations ``(B, L, 1)``;
        ``normalized * std + mean`` restores the patches.
    """
    var, mean = torch.var_mean(patches, dim=-1, keepdim=True)
    std = (var + eps).sqrt()
    return (patches - mean) / std, mean, std
