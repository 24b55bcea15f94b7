"""Measures of attention maps.

A map ``(..., n, n)`` holds the attention between the n patches of a grid in row-major order. Row i
is the attention of query i over all keys and sums to 1.
"""
import torch
from torch import Tensor


def patch_distances(grid: tuple[int, int], patch_size: float, device: torch.device | None = None
                    ) -> Tensor:
    """Distances in pixels, ``(n, n)``, between the patch centers of a grid ``(h, w)``."""
    rows, columns = (torch.arange(side, device=device, dtype=torch.float32) for side in grid)
    centers = patch_size * torch.cartesian_prod(rows, columns)
    return torch.cdist(centers, centers, compute_mode='donot_use_mm_for_euclid_dist')


def attention_distance(attention: Tensor, distances: Tensor) -> Tensor:
    """Attention-weighted distance between query and key, averaged over queries (Dosovitskiy et al.,
    "An Image is Worth 16x16 Words", ICLR 2021, appendix D.7; Conditional MAE Fig. 5, Self-guided
    MAE Fig. 7a).

    Args:
        attention: ``(B, heads, n, n)``.
        distances: Output of :func:`patch_distances`, ``(n, n)``.

    Returns:
        ``(B, heads)``, in the unit of ``distances``: 0 if each patch attends only to itself, the
        mean of ``distances`` if attention is uniform.
    """
    return (attention * distances).sum(dim=-1).mean(dim=-1)


def attention_entropy(attention: Tensor) -> Tensor:
    """Entropy of each query's attention, averaged over queries (Conditional MAE Fig. 5).

    Args:
        attention: ``(B, heads, n, n)``.

    Returns:
        ``(B, heads)``, in nats: 0 if one key gets all attention, ``log n`` if attention is uniform.
    """
    return torch.special.entr(attention).sum(dim=-1).mean(dim=-1)


def attention_nmi(attention: Tensor) -> Tensor:
    """Normalized mutual information of query and key positions (Park et al., "What Do
    Self-Supervised Vision Transformers Learn?", ICLR 2023; Self-guided MAE Fig. 6).

    Queries are uniformly distributed, and ``p(key | query)`` is the attention. NMI is
    ``I(query, key) / sqrt(H(query) H(key))``.

    Args:
        attention: ``(B, heads, n, n)``, n > 1.

    Returns:
        ``(B, heads)``: 0 if all queries have the same attention (collapse), 1 if each query attends
        to a single key that no other query attends to.
    """
    num = attention.shape[-2]
    key = attention.mean(dim=-2)
    key_entropy = torch.special.entr(key).sum(dim=-1)
    information = (key_entropy - attention_entropy(attention)).clamp(min=0)
    query_entropy = torch.tensor(float(num), device=attention.device).log()
    # If all queries attend to one key, the key entropy is 0 and NMI is defined as 0.
    tiny = torch.finfo(attention.dtype).tiny
    return information / (query_entropy * key_entropy).clamp(min=tiny).sqrt()


def reversed_attention(attention: Tensor) -> Tensor:
    """Distribution of each key's attention over the queries (Ding et al., 2023; Conditional MAE
    Fig. 6): the columns of the map without the diagonal, each normalized to a sum of 1.

    Args:
        attention: ``(..., n, n)``.

    Returns:
        ``(..., n, n)``: row j is the share of each other token in the attention that token j
        receives; zeros if no other token attends to j.
    """
    received = attention.transpose(-2, -1) * ~torch.eye(
        attention.shape[-1], dtype=torch.bool, device=attention.device)
    return received / received.sum(dim=-1, keepdim=True).clamp(
        min=torch.finfo(received.dtype).tiny)


def mass_region(attention: Tensor, mass: float = 0.5) -> Tensor:
    """Smallest set of keys with at least this share of the attention (Conditional MAE Fig. 11;
    Caron et al., "Emerging Properties in Self-Supervised Vision Transformers", ICCV 2021).

    Args:
        attention: ``(..., n)``, nonnegative.

    Returns:
        ``(..., n)``, bool. With uniform attention, the set has a share of ``mass`` of the keys.
    """
    values, order = (attention / attention.sum(dim=-1, keepdim=True)).sort(
        dim=-1, descending=True, stable=True)
    needed = values.cumsum(dim=-1) - values < mass - 1e-6  # rounding must not add a key
    return torch.zeros_like(needed).scatter(-1, order, needed)


def exploitation_rates(attention: Tensor, mask_ratio: float) -> Tensor:
    """Shares of visible and mask tokens in all decoder tokens after each block (Self-guided MAE).

    Let r(l) be the 2 x 2 matrix of Eq. 5 for block l, between the token groups V and M (rows sum to
    1). Eq. 6 is implemented as the matrix product ``R(l) = r(l) R(l-1)`` with ``R(0) = I``, because
    the text states that each group is a mixture of both groups of the previous block. As printed,
    Eq. 6 has two equal terms for A = B, and R(0) = 1 for A != B too, so the shares would not sum to
    1. As in Eq. 5, the residual connection is ignored.

    Args:
        attention: r of each block, ``(depth, 2, 2)``: row B, column A is r of A -> B; visible
            patches come first.
        mask_ratio: m, the share of masked patches.

    Returns:
        ``(depth, 2)``: R of V -> O and of M -> O (Eq. 7) after each block; each row sums to 1.
    """
    weights = attention.new_tensor((1 - mask_ratio, mask_ratio))
    accumulated, rates = torch.eye(2, dtype=attention.dtype, device=attention.device), []
    for block in attention / attention.sum(dim=-1, keepdim=True):
        accumulated = block @ accumulated
        rates.append(weights @ accumulated)
    return torch.stack(rates)
