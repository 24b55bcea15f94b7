"""Reconstruction losses of masked patches."""
from torch import Tensor


def patch_errors(pred: Tensor, target: Tensor, loss: str = 'l2',
                 reduction: str = 'mean') -> Tensor:
    """Reconstruction error of each patch, in float32.

    Args:
        pred: ``(B, L, D)``, of any floating dtype.
        target: ``(B, L, D)``.
        loss: 'l2' for squared errors (MAE; ccMIM Eq. 9; CMAE Eq. 5), 'l1' for absolute errors
            (SimMIM).
        reduction: 'mean' or 'sum' (CMT-MAE Eq. 2 and 4) over the values of a patch.

    Returns:
        ``(B, L)``.
    """
    difference = pred.float() - target.float()
    errors = difference.square() if loss == 'l2' else difference.abs()
    return errors.mean(dim=-1) if reduction == 'mean' else errors.sum(dim=-1)


def masked_mean(errors: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean of errors; weights are for example a mask ``(B, L)``."""
    return (errors * weights).sum() / weights.sum()
