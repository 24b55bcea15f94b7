"""Reductions of attention maps, computed without the full map."""
import torch
import torch.nn.functional as F
from torch import Tensor


def split_heads(projected: Tensor, num_heads: int, head_dims: int) -> tuple[Tensor, ...]:
    """Split n concatenated projections (query, key, value), ``(B, N, n * num_heads * head_dims)``,
    into n tensors ``(B, num_heads, N, head_dims)``."""
    batch, length, _ = projected.shape
    projected = projected.view(batch, length, -1, num_heads, head_dims)
    return projected.permute(2, 0, 3, 1, 4).unbind(0)


def cls_attention_row(query: Tensor, key: Tensor, softmax: str | None,
                      num_prefix: int = 1) -> Tensor:
    """Head-averaged attention from [CLS] to the patches.

    The computation uses float32, even under autocast, because bfloat16 scores would have ties.

    Args:
        query: [CLS] queries, ``(B, heads, 1, d)``.
        key: Keys of [CLS] (first) and of the patches, ``(B, heads, num_prefix + L, d)``.
        softmax: 'heads' applies the softmax in each head over [CLS] and patches, before the
            average, as the block does: ``E_h[softmax(q0 K^T / sqrt(d))]``. 'mean' applies the
            softmax over the patches, after the average: ``softmax(E_h[q0 K^T / sqrt(d)])`` (ccMIM
            Eq. 4). None returns the averaged logits.
        num_prefix: Number of tokens before the patches: [CLS] and registers.

    Returns:
        ``(B, L)``, float32.
    """
    with torch.autocast(query.device.type, enabled=False):
        logits = query.float() @ key.float().transpose(-2, -1) * query.shape[-1]**-0.5
        if softmax == 'heads':
            logits = logits.softmax(dim=-1)
        row = logits[:, :, 0, num_prefix:].mean(dim=1)
        return row.softmax(dim=-1) if softmax == 'mean' else row


def group_attention(query: Tensor, key: Tensor, groups: Tensor) -> Tensor:
    """Mean attention between groups of tokens (Self-guided MAE Eq. 5), without an attention map.

    Args:
        query, key: ``(B, heads, N, d)``.
        groups: One-hot group of each token, ``(B, N, G)``; no group is empty.

    Returns:
        ``(B, G, G)``, float32: entry ``(i, j)`` is the attention from a token of group i to all
        tokens of group j, averaged over heads and over the tokens of group i. Rows sum to 1.
    """
    with torch.autocast(query.device.type, enabled=False):
        values = groups.float().unsqueeze(1).expand(-1, query.shape[1], -1, -1)
        shares = F.scaled_dot_product_attention(query.float(), key.float(), values).mean(dim=1)
        return mean_by_group(shares, groups)


def mean_by_group(values: Tensor, groups: Tensor) -> Tensor:
    """Mean of token values ``(B, N, D)`` over each group, ``(B, G, D)``; see
    :func:`group_attention` for ``groups``."""
    groups = groups.to(values.dtype)
    return groups.mT @ values / groups.sum(dim=1).unsqueeze(-1)
