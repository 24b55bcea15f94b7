"""Measures of token relations within an image."""
import torch
from torch import Tensor


def intra_and_inter(weights: Tensor, side: Tensor) -> Tensor:
    """Mean edge weight within and between the two groups of a bi-partition (mu_intra and mu_inter
    of Self-guided MAE, Sec. 3.3). Their difference is the gap.

    Args:
        weights: M or A, ``(B, n, n)``; the diagonal is ignored.
        side: Group of each patch, ``(B, n)`` bool, such as that of
            :func:`mmguided.ops.normalized_cut`.

    Returns:
        ``(B, 2)``: intra, inter; NaN where there is no such edge.
    """
    num = weights.shape[-1]
    edges = ~torch.eye(num, dtype=torch.bool, device=weights.device)
    same = side.unsqueeze(-1) == side.unsqueeze(-2)
    groups = torch.stack((same & edges, ~same), dim=1)
    return (weights.unsqueeze(1) * groups).sum((2, 3)) / groups.sum((2, 3))


def relation_kl(relations: Tensor, reference: Tensor) -> Tensor:
    """KL divergence of token relations from those of a reference (Self-guided MAE, Eq. 4).

    Args:
        relations: ``(B, n, n)`` with rows that sum to 1: A, or the row-wise softmax of M, because
            the paper does not define how cosines become distributions.
        reference: Relations of the reference, such as the last checkpoint of a run.

    Returns:
        ``(B, )``: KL(relations || reference) in nats, averaged over rows; infinite where the
        reference is 0 and the relations are not.
    """
    cross = torch.special.xlogy(relations, reference)
    own = torch.special.xlogy(relations, relations)
    return (own - cross).sum(dim=-1).mean(dim=-1)
