"""Reconstruction of masked patches."""
from torch import Tensor


def patch_errors(pred: Tensor, target: Tensor, loss: str = 'l2') -> Tensor:
    """Mean error of the values of each patch, in float32.

    Args:
        pred: ``(B, L, D)``, of any floating dtype.
        target: ``(B, L, D)``.
        loss: 'l2' squares the differences (MAE; ccMIM Eq. 9; CMAE Eq. 5), 'l1' takes their absolute
            value (SimMIM).

    Returns:
        ``(B, L)``.
    """
    difference = pred.float() - target.float()
    return (difference.square() if loss == 'l2' else difference.abs()).mean(dim=-1)


def masked_mean(errors: Tensor, weights: Tensor) -> Tensor:
    """Mean of errors, weighted by a tensor of their shape, such as a mask ``(B, L)``."""
    return (errors * weights).sum() / weights.sum()
