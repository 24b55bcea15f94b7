"""Batched normalized cuts of graphs (Shi and Malik, 2000)."""
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class NormalizedCut:
    """Bipartition of B graphs with n nodes.

    Attributes:
        eigenvector: Eigenvector y of the second smallest eigenvalue of
            ``(D - M) y = lambda D y``, ``(B, n)``, with ``y D y = 1``; its entry of largest
            magnitude is positive. If negative weights cause an eigenvalue below 0 (the eigenvalue
            of the constant vector), y belongs to that negative eigenvalue.
        side: ``(B, n)`` bool, True for entries at or above the mean: the side of the largest entry.
        residual: ``||A u - mu u||``, ``(B, )``, with ``u = D^(1/2) y`` and
            ``A = D^(-1/2) M D^(-1/2)``; 0 for an exact solution or an invalid cut.
        valid: ``(B, )`` bool; False if all nodes are equal, a node has no positive weight, or a
            weight is not finite.
    """
    eigenvector: Tensor
    side: Tensor
    residual: Tensor
    valid: Tensor


BLOCK_SIZE = 4  # vectors in the block; a graph has more nodes
NUM_STEPS = 4  # plain steps
NUM_ROUNDS, DEGREE = 2, 10  # Chebyshev rounds, steps per round
MIN_MEAN = 0.05  # minimum row mean of M at which negative weights are kept
EPS = 1e-6  # minimum eigenvalue of A for a valid cut


def normalized_cut(similarity: Tensor, nodes: Tensor | None = None) -> NormalizedCut:
    """Cut each graph in two by the second smallest eigenvector of its normalized Laplacian.

    This vector is the dominant eigenvector of ``A = D^(-1/2) M D^(-1/2)`` after deflating the
    trivial one, ``D^(1/2) 1``. Subspace iteration finds the vector: a few plain steps on a block of
    vectors, then rounds of a Chebyshev filter, which damps the eigenvalues below the smallest Ritz
    value of the block. All graphs take the same number of steps, and the Ritz pairs come from
    matrix powers, so that the GPU never synchronizes (``torch.linalg.eigh`` does, to check for
    errors). The starting block is deterministic.

    The cut requires a positive D; nodes with a degree near 0, which negative cosines can cause,
    would dominate the cut. A graph with such a node is cut without its negative weights.

    Args:
        similarity: M, ``(B, n, n)``, symmetric and positive semidefinite, such as cosine
            similarities; any floating dtype, computed in float32 even under autocast.
        nodes: Nodes of each graph, ``(B, n)`` bool; None means all. The eigenvector is 0 at other
            nodes, which belong to neither side.
    """
    with torch.autocast(similarity.device.type, enabled=False):
        return _cut(similarity.float(), nodes)


def _cut(similarity: Tensor, nodes: Tensor | None) -> NormalizedCut:
    if nodes is None:
        nodes = torch.ones_like(similarity[..., 0], dtype=torch.bool)
    else:
        similarity = similarity * (nodes.unsqueeze(-1) & nodes.unsqueeze(-2))
    num_nodes = nodes.sum(dim=-1, keepdim=True)
    signed = ((similarity.sum(dim=-1) >= MIN_MEAN * num_nodes) | ~nodes).all(dim=-1).view(-1, 1, 1)
    similarity = similarity.maximum(torch.where(signed, -torch.inf, 0.))
    degrees = similarity.sum(dim=-1).unsqueeze(1)
    scale = torch.where(nodes.unsqueeze(1), degrees.rsqrt(), 0)
    # Deflated A: scale * (M - d d^T / sum(d)) * scale. Subtract first for precision.
    part = degrees / degrees.sum(dim=-1, keepdim=True).sqrt()
    deflated = torch.baddbmm(similarity, part.mT, part, alpha=-1)

    def step(block: Tensor) -> Tensor:
        """Apply A to rows ``(B, k, n)``. After clipping negative weights, A may have eigenvalues in
        [-1, 0): (A + 1) / 2 has the same eigenvectors and no negative eigenvalue."""
        moved = ((block * scale) @ deflated) * scale
        return torch.where(signed, moved, (moved + block) / 2)

    block = _start(degrees)
    for _ in range(NUM_STEPS):
        block = _orthonormal(step(block))
    smallest, value, vector = _ritz_pairs(block, step)
    for _ in range(NUM_ROUNDS):
        # Map [0, bound] to [-1, 1] because Chebyshev polynomials grow outside. The clamp limits the
        # growth to a factor of 38 per step to avoid overflow.
        bound = smallest.maximum(value / 10).clamp(min=EPS).view(-1, 1, 1)
        last, block = block, 2 / bound * step(block) - block
        for _ in range(DEGREE - 1):
            last, block = block, 4 / bound * step(block) - 2 * block - last
        block = _orthonormal(block)
        smallest, value, vector = _ritz_pairs(block, step)
    residual = (step(vector) - value.view(-1, 1, 1) * vector).flatten(1).norm(dim=-1)

    y = (vector * scale).squeeze(1)
    y = y * y.gather(1, y.abs().argmax(dim=1, keepdim=True)).sign()
    # Graphs with non-finite values are invalid; other graphs are unaffected.
    valid = (value > EPS) & ((degrees.squeeze(1) > EPS) | ~nodes).all(dim=-1) & (
        y.isfinite().all(dim=-1))
    y = torch.where(valid.unsqueeze(-1), y, 0)
    side = nodes & (y >= y.sum(dim=-1, keepdim=True) / num_nodes)
    return NormalizedCut(y, side, torch.where(valid, residual, 0), valid)


def cut_into(similarity: Tensor, num_clusters: int) -> Tensor:
    """Cluster each graph by repeatedly cutting its largest cluster (Self-guided MAE, Fig. 1).

    Args:
        similarity: M, ``(B, n, n)``, see :func:`normalized_cut`.
        num_clusters: Number of clusters; fewer if the largest cluster cannot be cut further.

    Returns:
        Cluster index of each node, ``(B, n)``, int64.
    """
    clusters = torch.zeros(similarity.shape[:2], dtype=torch.int64, device=similarity.device)
    for new in range(1, num_clusters):
        sizes = F.one_hot(clusters, new).sum(dim=1)
        nodes = clusters == sizes.argmax(dim=1, keepdim=True)
        cut = normalized_cut(similarity, nodes=nodes)
        clusters = torch.where(cut.side & cut.valid.unsqueeze(-1), new, clusters)
    return clusters


def _start(degrees: Tensor) -> Tensor:
    """Cosines of increasing frequency, orthogonal to the trivial vector, ``(B, BLOCK_SIZE, n)``;
    degrees are ``(B, 1, n)``."""
    frequency = torch.arange(1, BLOCK_SIZE + 1, device=degrees.device).unsqueeze(1)
    size = degrees.shape[-1]
    position = (torch.arange(size, device=degrees.device) + 0.5) / size
    trivial = F.normalize(degrees.sqrt(), dim=-1)
    block = (torch.pi * frequency * position).cos().expand(len(degrees), -1, -1)
    return block - (block @ trivial.mT) @ trivial


def _orthonormal(block: Tensor) -> Tensor:
    """Orthonormalize the rows of ``(B, k, n)`` by Gram-Schmidt with reorthogonalization; linearly
    dependent rows become 0. The method is batched and, unlike QR, never fails."""
    basis = F.normalize(block[:, :1], dim=-1)
    for row in F.normalize(block[:, 1:], dim=-1).split(1, dim=1):
        for _ in range(2):
            row = row - (row @ basis.mT) @ basis
        length = row.norm(dim=-1, keepdim=True)
        basis = torch.cat((basis, torch.where(length > 1e-5, row / length, 0)), dim=1)
    return basis


def _ritz_pairs(block: Tensor, step: Callable[[Tensor], Tensor]
                ) -> tuple[Tensor, Tensor, Tensor]:
    """Smallest and largest Ritz value ``(B, )`` of orthonormal rows, and the Ritz vector
    ``(B, 1, n)`` of the largest."""
    projected = step(block) @ block.mT
    projected = (projected + projected.mT) / 2
    trace = _trace(projected)
    # Reverses the order of the eigenvalues and keeps them positive.
    reverse = trace * torch.eye(block.shape[1], device=block.device) - projected
    values, vectors = _dominant(torch.cat((projected, reverse)))
    largest, complement = values.chunk(2)
    return trace.flatten() - complement, largest, vectors[:len(block)] @ block


def _dominant(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Largest eigenvalue ``(B, )`` and its eigenvector ``(B, 1, k)`` of positive semidefinite
    matrices, from their 4096th power."""
    power = matrix
    for _ in range(3):
        power = (power / _trace(power).clamp(min=1e-30)).matrix_power(16)
    column = _diagonal(power).argmax(dim=-1).view(-1, 1, 1).expand(-1, 1, matrix.shape[-1])
    vector = F.normalize(power.gather(1, column), dim=-1)
    return (vector @ matrix @ vector.mT).flatten(), vector


def _diagonal(matrix: Tensor) -> Tensor:
    return matrix.diagonal(dim1=-2, dim2=-1)


def _trace(matrix: Tensor) -> Tensor:
    """Traces ``(B, 1, 1)``."""
    return _diagonal(matrix).sum(dim=-1).view(-1, 1, 1)
