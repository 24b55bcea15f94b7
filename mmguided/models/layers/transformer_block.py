"""Transformer block with replaceable attention, and recording of its attention."""
from collections.abc import Callable
from functools import partial

import torch.nn.functional as F
from mmpretrain.models.backbones.vision_transformer import TransformerEncoderLayer
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmguided.ops import cls_attention_row, split_heads
from mmguided.structures import Wants

# (query, key, value), each (B, heads, N, d) -> (B, heads, N, d); None ends the block
Attend = Callable[[Tensor, Tensor, Tensor], Tensor | None]


class TransformerBlock(TransformerEncoderLayer):
    """mmpretrain's block, with the same parameters, whose attention can be read or replaced.

    All reads of the weights happen within :meth:`forward`, so that each block can be wrapped:
    sharded by FSDP, compiled, or recomputed by activation checkpointing.

    Attributes:
        with_cp: Use activation checkpointing: keep only the input, and compute the block again in
            the backward pass.
    """
    with_cp = False

    def forward(self, x: Tensor, attend: Attend | None = None,
                cls_only: bool = False) -> Tensor | None:
        """Transform ``(B, N, D)``, [CLS] first.

        Args:
            attend: Function that replaces scaled-dot-product attention, for example to record its
                inputs. If it returns None, the block ends and returns None.
            cls_only: Compute the query and the output of [CLS] only.

        Returns:
            ``(B, N, D)``, or ``(B, 1, D)`` with ``cls_only``.
        """
        if self.with_cp and self.training:
            return checkpoint(self._transform, x, attend, cls_only, use_reentrant=False)
        return self._transform(x, attend, cls_only)

    def _transform(self, x: Tensor, attend: Attend | None, cls_only: bool) -> Tensor | None:
        if attend is None and not cls_only:
            return super().forward(x)
        attn, normed = self.attn, self.ln1(x)
        heads = attn.num_heads, attn.head_dims
        if cls_only:
            x, dim = x[:, :1], self.embed_dims
            weight, bias = attn.qkv.weight, attn.qkv.bias
            query = F.linear(normed[:, :1], weight[:dim], None if bias is None else bias[:dim])
            other = F.linear(normed, weight[dim:], None if bias is None else bias[dim:])
            parts = *split_heads(query, *heads), *split_heads(other, *heads)
        else:
            parts = split_heads(attn.qkv(normed), *heads)
        if attend is None:
            attend = partial(F.scaled_dot_product_attention,
                             dropout_p=attn.attn_drop if self.training else 0.)
        attended = attend(*parts)
        if attended is None:
            return None
        attended = attn.proj(attended.transpose(1, 2).flatten(2))
        x = x + attn.out_drop(attn.gamma1(attn.proj_drop(attended)))
        return self.ffn(self.ln2(x), identity=x)


class AttentionReader:
    """Run blocks in eval mode and record what ``wants`` requests.

    Args:
        wants: Resolved request. Without ``tokens``, the deepest requested block computes only the
            recorded values; for attention, these are the [CLS] query and the keys.

    Attributes:
        deepest: Last block that has to run; None if no block has to, or if all have to.
        attention, relations: Recorded values, see :class:`mmguided.structures.Observation`.
    """

    def __init__(self, wants: Wants) -> None:
        self.wants = wants
        self.layers = {layer for layer, _ in wants.attention} | wants.relations
        self.deepest = None if wants.tokens else max(self.layers, default=None)
        self.attention: dict[tuple[int, str | None], Tensor] = {}
        self.relations: dict[int, Tensor] = {}

    def run(self, i: int, block: nn.Module, x: Tensor) -> Tensor | None:
        """Run block ``i`` on ``(B, 1 + n, D)``; the deepest block returns None."""
        if i not in self.layers:
            return block(x)
        cls_only = i == self.deepest and i not in self.wants.relations
        return block(x, partial(self._attend, i), cls_only)

    def _attend(self, i: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor | None:
        for layer, softmax in self.wants.attention:
            if layer == i:
                self.attention[i, softmax] = cls_attention_row(query[:, :, :1], key, softmax)
        if i == self.deepest and i not in self.wants.relations:
            return None
        attended = F.scaled_dot_product_attention(query, key, value)
        if i in self.wants.relations:
            self.relations[i] = attended.transpose(1, 2).flatten(2)[:, 1:]
        return None if i == self.deepest else attended
