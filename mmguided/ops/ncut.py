"""Normalized cuts of batches of graphs (Shi and Malik, 2000)."""
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class NormalizedCut:
    """Two sides of each of B graphs with n nodes.

    Attributes:
        eigenvector: y of the second smallest eigenvalue of ``(D - M) y = lambda D y``, ``(B, n)``,
            with ``y D y = 1``; its entry of the largest absolute value is positive. Negative
            weights may make an eigenvalue below 0, that of the equal entries: then y is of it.
        side: ``(B, n)`` bool, whether an entry is at least the mean of all: the side that holds the
            largest one.
        residual: ``||A u - mu u||``, ``(B, )``, of ``u = D^(1/2) y`` and
            ``A = D^(-1/2) M D^(-1/2)``: 0 for an exact solution, and where there is no cut.
        valid: ``(B, )`` bool; False for a graph without a cut: its nodes are all alike, or one has
            no positive weight, or a weight is not finite.
    """
    eigenvector: Tensor
    side: Tensor
    residual: Tensor
    valid: Tensor


def normalized_cut(similarity: Tensor,
                   block_size: int = 4,
                   num_steps: int = 4,
                   num_rounds: int = 2,
                   degree: int = 10,
                   min_mean: float = 0.05,
                   eps: float = 1e-6,
                   nodes: Tensor | None = None) -> NormalizedCut:
    """Cut each graph in two by the second smallest eigenvector of its normalized Laplacian.

    That vector is the dominant one of ``A = D^(-1/2) M D^(-1/2)`` once the trivial one,
    ``D^(1/2) 1``, is taken out. It is found by subspace iteration: a few plain steps of a block of
    vectors, then rounds of a Chebyshev polynomial of A, which damps all eigenvalues below the
    smallest that the block has found, each followed by a Rayleigh-Ritz step. All graphs take the
    same number of steps, so that a GPU is never waited for. The start is fixed: no random numbers.

    The cut is defined where D is positive, and means little where it is nearly 0, for such a node
    decides alone. A graph with such a row, which negative cosines can make, is cut without its
    negative weights.

    Args:
        similarity: M, ``(B, n, n)``, symmetric and positive semidefinite, as cosines of features
            are; of any floating dtype, computed in float32.
        block_size: Vectors in the block, fewer than n.
        num_steps: Plain steps.
        num_rounds: Rounds of Chebyshev polynomials.
        degree: Of the polynomials: steps in each round.
        min_mean: Smallest mean of a row of M with which negative weights are kept.
        eps: Smallest eigenvalue of A of a graph that has a cut.
        nodes: ``(B, n)`` bool, which nodes the graphs have; None is all. The others have an entry
            of 0 and are on neither side.
    """
    similarity = similarity.float()
    if nodes is None:
        nodes = torch.ones_like(similarity[..., 0], dtype=torch.bool)
    else:
        similarity = similarity * (nodes.unsqueeze(-1) & nodes.unsqueeze(-2))
    num_nodes = nodes.sum(dim=-1, keepdim=True)
    signed = ((similarity.sum(dim=-1) >= min_mean * num_nodes) | ~nodes).all(dim=-1).view(-1, 1, 1)
    similarity = similarity.maximum(torch.where(signed, -torch.inf, 0.))
    degrees = similarity.sum(dim=-1).unsqueeze(1)
    scale = torch.where(nodes.unsqueeze(1), degrees.rsqrt(), 0)
    # A without its part along the trivial vector is scale * (M - d d^T / sum(d)) * scale. The
    # subtraction comes first: what is left may be small.
    part = degrees / degrees.sum(dim=-1, keepdim=True).sqrt()
    deflated = torch.baddbmm(similarity, part.mT, part, alpha=-1)

    def step(block: Tensor) -> Tensor:
        """A applied to rows ``(B, k, n)``. Without negative weights it may have negative
        eigenvalues, but none below -1: (A + 1) / 2 has the same vectors and none below 0."""
        moved = ((block * scale) @ deflated) * scale
        return torch.where(signed, moved, (moved + block) / 2)

    block = _start(block_size, degrees)
    for _ in range(num_steps):
        block = _orthonormal(step(block))
    values, block = _rayleigh_ritz(block, step)
    for _ in range(num_rounds):
        # [0, bound] is mapped to [-1, 1], outside of which the polynomials grow: by 38 a step at
        # most, lest they overflow.
        bound = values[:, :1, None].clamp(min=values[:, -1:, None] / 10).clamp(min=eps)
        last, block = block, 2 / bound * step(block) - block
        for _ in range(degree - 1):
            last, block = block, 4 / bound * step(block) - 2 * block - last
        values, block = _rayleigh_ritz(_orthonormal(block), step)
    vector, value = block[:, -1:], values[:, -1]
    residual = (step(vector) - value.view(-1, 1, 1) * vector).flatten(1).norm(dim=-1)

    y = (vector * scale).squeeze(1)
    y = y * y.gather(1, y.abs().argmax(dim=1, keepdim=True)).sign()
    # What is not finite has stayed within its graph.
    valid = (value > eps) & ((degrees.squeeze(1) > eps) | ~nodes).all(dim=-1) & (
        y.isfinite().all(dim=-1))
    y = torch.where(valid.unsqueeze(-1), y, 0)
    side = nodes & (y >= y.sum(dim=-1, keepdim=True) / num_nodes)
    return NormalizedCut(y, side, torch.where(valid, residual, 0), valid)


def cut_into(similarity: Tensor, num_clusters: int) -> Tensor:
    """Cut each graph into clusters, for analysis: the largest one in two, again and again
    (Self-guided MAE, Fig. 1).

    Args:
        similarity: M, ``(B, n, n)``, see :func:`normalized_cut`.
        num_clusters: K; a graph whose largest cluster has no cut has fewer.

    Returns:
        The cluster of each node, ``(B, n)``, int64, counted from 0.
    """
    clusters = torch.zeros(similarity.shape[:2], dtype=torch.int64, device=similarity.device)
    for new in range(1, num_clusters):
        sizes = F.one_hot(clusters, new).sum(dim=1)
        nodes = clusters == sizes.argmax(dim=1, keepdim=True)
        cut = normalized_cut(similarity, nodes=nodes)
        clusters = torch.where(cut.side & cut.valid.unsqueeze(-1), new, clusters)
    return clusters


def _start(block_size: int, degrees: Tensor) -> Tensor:
    """Cosines of rising frequency, without their part along the trivial vector, ``(B, block_size,
    size)``; degrees are ``(B, 1, size)``."""
    frequency = torch.arange(1, block_size + 1, device=degrees.device).unsqueeze(1)
    size = degrees.shape[-1]
    position = (torch.arange(size, device=degrees.device) + 0.5) / size
    trivial = F.normalize(degrees.sqrt(), dim=-1)
    block = (torch.pi * frequency * position).cos().expand(len(degrees), -1, -1)
    return block - (block @ trivial.mT) @ trivial


def _orthonormal(block: Tensor) -> Tensor:
    """An orthonormal basis of the rows of ``(B, k, n)``, by Gram-Schmidt, each row twice; a row
    that is none but for rounding becomes 0. A GPU takes all graphs at once, and nothing fails."""
    basis = F.normalize(block[:, :1], dim=-1)
    for row in F.normalize(block[:, 1:], dim=-1).split(1, dim=1):
        for _ in range(2):
            row = row - (row @ basis.mT) @ basis
        length = row.norm(dim=-1, keepdim=True)
        basis = torch.cat((basis, torch.where(length > 1e-5, row / length, 0)), dim=1)
    return basis


def _rayleigh_ritz(block: Tensor, step: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
    """Ritz values ``(B, k)``, rising, and the vectors in their order, of orthonormal rows."""
    projected = step(block) @ block.mT
    projected = ((projected + projected.mT) / 2).nan_to_num()  # eigh would stop at NaN
    values, rotation = torch.linalg.eigh(projected)
    return values, rotation.mT @ block
