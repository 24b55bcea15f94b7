"""Reconstruction of masked patches."""
from torch import Tensor


def masked_mse(pred: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Mean squared error per patch, averaged over the masked patches (MAE; ccMIM Eq. 9).

    Args:
        pred: ``(B, L, D)``, of any floating dtype; the error is taken in float32.
        target: ``(B, L, D)``.
        mask: ``(B, L)``, 1 = masked.

    Returns:
        Scalar.
    """
    per_patch = (pred.float() - target.float()).square().mean(dim=-1)
    return (per_patch * mask).sum() / mask.sum()
