"""Reconstruction losses."""
from torch import Tensor


def masked_mean(errors: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean of errors; weights are for example a mask ``(B, L)``."""
    return (errors * weights).sum() / weights.sum()
