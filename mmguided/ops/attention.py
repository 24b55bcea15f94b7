"""Rows of attention maps, without ever making the map."""
import torch
from torch import Tensor


def cls_attention_row(query: Tensor, key: Tensor, softmax: bool) -> Tensor:
    """Head-averaged attention from one query, the [CLS] token, to the patches.

    The product runs in float32 whatever the autocast: scores decide a sort, and in bfloat16 ties
    would be broken by position.

    Args:
        query: [CLS] queries, ``(B, heads, 1, d)``.
        key: Keys of [CLS] (first) and of the patches, ``(B, heads, 1 + L, d)``.
        softmax: True gives ``E_h[softmax(q0 K^T / sqrt(d))]``, normalised over [CLS] and patches as
            inside the block; False the logits ``E_h[q0 K^T / sqrt(d)]`` of ccMIM Eq. 4.

    Returns:
        ``(B, L)``, float32, without [CLS].
    """
    with torch.autocast(query.device.type, enabled=False):
        logits = query.float() @ key.float().transpose(-2, -1) * query.shape[-1]**-0.5
        row = logits.softmax(dim=-1) if softmax else logits
        return row[:, :, 0, 1:].mean(dim=1)
