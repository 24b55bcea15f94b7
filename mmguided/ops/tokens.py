"""Taking tokens out of a sequence, putting them back, and comparing a choice with scores."""
import torch
from torch import Tensor


def gather_tokens(tokens: Tensor, ids: Tensor) -> Tensor:
    """The tokens at ``ids``: ``(B, L, D)`` and ``(B, n)`` give ``(B, n, D)``."""
    return tokens.gather(1, ids.unsqueeze(-1).expand(-1, -1, tokens.shape[-1]))


def restore_tokens(visible: Tensor, mask_token: Tensor, ids_restore: Tensor) -> Tensor:
    """Fill the masked places with the mask token and go back to the image's order.

    Args:
        visible: Visible tokens in the order of ``ids_keep``, ``(B, Lv, D)``.
        mask_token: ``(1, 1, D)``.
        ids_restore: Where each patch of the image stands in [visible, masked], ``(B, L)``.

    Returns:
        ``(B, L, D)``.
    """
    batch, num_visible, _ = visible.shape
    hidden = mask_token.to(visible.dtype).expand(batch, ids_restore.shape[1] - num_visible, -1)
    return gather_tokens(torch.cat((visible, hidden), dim=1), ids_restore)


def topk_overlap(scores: Tensor, ids: Tensor) -> Tensor:
    """Share of ``ids (B, k)`` that are among the k highest of ``scores (B, n)``, a scalar: 1 for
    top-k, ``k / n`` on average for ids at random."""
    highest = torch.zeros_like(scores).scatter_(1, scores.topk(ids.shape[1], dim=1).indices, 1)
    return highest.gather(1, ids).mean()
