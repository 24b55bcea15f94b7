"""Selection of tokens from a sequence, its inverse, and top-k overlap."""
import torch
from torch import Tensor


def gather_tokens(tokens: Tensor, ids: Tensor) -> Tensor:
    """Select tokens ``(B, L, D)`` by ``ids (B, n)``; returns ``(B, n, D)``."""
    return tokens.gather(1, ids.unsqueeze(-1).expand(-1, -1, tokens.shape[-1]))


def restore_tokens(visible: Tensor, mask_token: Tensor, ids_restore: Tensor) -> Tensor:
    """Insert mask tokens and restore the patch order of the image.

    Args:
        visible: Visible tokens in the order of ``ids_keep``, ``(B, Lv, D)``.
        mask_token: ``(1, 1, D)``.
        ids_restore: Index of each patch in the sequence [visible, masked], ``(B, L)``.

    Returns:
        ``(B, L, D)``.
    """
    batch, num_visible, _ = visible.shape
    hidden = mask_token.to(visible.dtype).expand(batch, ids_restore.shape[1] - num_visible, -1)
    return gather_tokens(torch.cat((visible, hidden), dim=1), ids_restore)


def topk_overlap(scores: Tensor, ids: Tensor) -> Tensor:
    """Share of ``ids (B, k)`` with at least the k-th highest of ``scores (B, n)``, a scalar (top-k
    selection: 1; random ids without ties: ``k / n`` on average; NaN scores: 0)."""
    lowest = scores.topk(ids.shape[1], dim=1).values[:, -1:]
    return (scores.gather(1, ids) >= lowest).float().mean()
