"""What attention maps say: how far a token looks, how evenly, and whether all look alike.

Maps are ``(..., n, n)`` of the n patches of a grid in the image's order: row i is how much query i
attends to each key. Rows sum to 1.
"""
import torch
from torch import Tensor


def patch_distances(grid: tuple[int, int], patch_size: float, device: torch.device | None = None
                    ) -> Tensor:
    """Distances in pixels between the centers of the patches of a grid ``(h, w)``, ``(n, n)``."""
    rows, columns = (torch.arange(side, device=device, dtype=torch.float32) for side in grid)
    centers = patch_size * torch.cartesian_prod(rows, columns)
    return torch.cdist(centers, centers, compute_mode='donot_use_mm_for_euclid_dist')


def attention_distance(attention: Tensor, distances: Tensor) -> Tensor:
    """Distance between query and key, weighted by attention, a mean over queries (Dosovitskiy et
    al., "An Image is Worth 16x16 Words", ICLR 2021, appendix D.7; Conditional MAE Fig. 5,
    Self-guided MAE Fig. 7a).

    Args:
        attention: ``(B, heads, n, n)``.
        distances: Of :func:`patch_distances`, ``(n, n)``.

    Returns:
        ``(B, heads)``, in the unit of ``distances``: 0 if each patch attends to itself alone, the
        mean of ``distances`` if all to all alike.
    """
    return (attention * distances).sum(dim=-1).mean(dim=-1)


def attention_entropy(attention: Tensor) -> Tensor:
    """Entropy of the attention of a query, a mean over queries (Conditional MAE Fig. 5).

    Args:
        attention: ``(B, heads, n, n)``.

    Returns:
        ``(B, heads)``, in nats: from 0, one key gets all, to ``log n``, all keys get the same.
    """
    return torch.special.entr(attention).sum(dim=-1).mean(dim=-1)


def attention_nmi(attention: Tensor) -> Tensor:
    """Normalized mutual information of query and key positions (Park et al., "What Do
    Self-Supervised Vision Transformers Learn?", ICLR 2023; Self-guided MAE Fig. 6).

    All queries have the same probability 1 / n, and ``p(key | query)`` is the attention. NMI is
    ``I(query, key) / sqrt(H(query) H(key))``.

    Args:
        attention: ``(B, heads, n, n)``, n above 1.

    Returns:
        ``(B, heads)``: 0 if all queries attend alike (a collapse), 1 if each to a key of its own.
    """
    num = attention.shape[-2]
    key = attention.mean(dim=-2)
    key_entropy = torch.special.entr(key).sum(dim=-1)
    information = (key_entropy - attention_entropy(attention)).clamp(min=0)
    query_entropy = torch.tensor(float(num), device=attention.device).log()
    # Without any entropy of the keys all queries attend to one: no information.
    tiny = torch.finfo(attention.dtype).tiny
    return information / (query_entropy * key_entropy).clamp(min=tiny).sqrt()


def reversed_attention(attention: Tensor) -> Tensor:
    """How each token spreads over the others (Ding et al., 2023; Conditional MAE Fig. 6): the
    columns of a map, here without its diagonal and each scaled to a sum of 1, so that it says where
    a token goes and not how much of it.

    Args:
        attention: ``(..., n, n)``.

    Returns:
        ``(..., n, n)``: row j is where what token j holds goes to, among the other tokens; zeros if
        nobody attends to it.
    """
    sent = attention.transpose(-2, -1) * ~torch.eye(
        attention.shape[-1], dtype=torch.bool, device=attention.device)
    return sent / sent.sum(dim=-1, keepdim=True).clamp(min=torch.finfo(sent.dtype).tiny)
