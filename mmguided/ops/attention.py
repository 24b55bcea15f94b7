"""Parts of attention maps, without ever making the map."""
import torch
import torch.nn.functional as F
from torch import Tensor


def split_heads(projected: Tensor, num_heads: int, head_dims: int) -> tuple[Tensor, ...]:
    """Queries, keys, values or some of them, ``(B, N, n * num_heads * head_dims)``, as n tensors
    ``(B, num_heads, N, head_dims)``."""
    batch, length, _ = projected.shape
    projected = projected.view(batch, length, -1, num_heads, head_dims)
    return projected.permute(2, 0, 3, 1, 4).unbind(0)


def cls_attention_row(query: Tensor, key: Tensor, softmax: str | None) -> Tensor:
    """Head-averaged attention from one query, the [CLS] token, to the patches.

    The product runs in float32 whatever the autocast: scores decide a sort, and in bfloat16 ties
    would be broken by position.

    Args:
        query: [CLS] queries, ``(B, heads, 1, d)``.
        key: Keys of [CLS] (first) and of the patches, ``(B, heads, 1 + L, d)``.
        softmax: Where the softmax stands. 'heads': in each head, over [CLS] and patches, before
            the average, ``E_h[softmax(q0 K^T / sqrt(d))]``, as inside the block; 'mean': after the
            average, over the patches, ``softmax(E_h[q0 K^T / sqrt(d)])``, ccMIM Eq. 4; None:
            nowhere, the averaged logits.

    Returns:
        ``(B, L)``, float32, without [CLS].
    """
    with torch.autocast(query.device.type, enabled=False):
        logits = query.float() @ key.float().transpose(-2, -1) * query.shape[-1]**-0.5
        if softmax == 'heads':
            logits = logits.softmax(dim=-1)
        row = logits[:, :, 0, 1:].mean(dim=1)
        return row.softmax(dim=-1) if softmax == 'mean' else row


def group_attention(query: Tensor, key: Tensor, groups: Tensor) -> Tensor:
    """Attention that groups of tokens pay to each other, on average (Self-guided MAE Eq. 5).

    Values that tell the group of each token go through scaled-dot-product attention, so that the
    map itself is never made.

    Args:
        query: ``(B, heads, N, d)``.
        key: ``(B, heads, N, d)``.
        groups: Which group each token belongs to, ``(B, N, G)``, 0 or 1, one 1 in each row; every
            group has a token.

    Returns:
        ``(G, G)``, float32: row i is the attention of a token of group i to all tokens of each
        group, averaged over the tokens of the group, the heads and the images; it sums to 1.
    """
    with torch.autocast(query.device.type, enabled=False):
        groups = groups.float()
        values = groups.unsqueeze(1).expand(-1, query.shape[1], -1, -1)
        shares = F.scaled_dot_product_attention(query.float(), key.float(), values).mean(dim=1)
        return torch.einsum('bng,bnh->gh', groups, shares) / groups.sum(dim=(0, 1)).unsqueeze(1)
