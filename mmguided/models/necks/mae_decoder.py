"""Decoder of MAE."""
from collections.abc import Collection
from itertools import islice

import torch
import torch.nn.functional as F
from mmpretrain.models.utils import resize_pos_embed
from torch import Tensor, nn

from mmguided.ops import group_attention, restore_tokens, sincos_position_embedding
from mmguided.registry import MODELS
from mmguided.structures import PatchMask, Wants
from mmguided.utils.errors import ConfigError

from ..layers import (
    AttentionReader,
    TransformerBlock,
    checkpoint_grid,
    init_transformer_weights,
    record_grid,
)
from .base import Decoder


@MODELS.register_module()
class MAEDecoder(Decoder):
    """Transformer decoder over all patches, from the latents of visible patches (MAE Sec. 3).

    Parameters have the names of mmpretrain's ``MAEPretrainDecoder``, except that ``decoder_pred``
    belongs to the head.

    Args:
        in_dims: See :class:`Decoder`.
        grid: See :class:`Decoder`.
        embed_dims: Width.
        depth: Number of blocks.
        num_heads: Attention heads.
        with_cp: Use activation checkpointing in the blocks, to save memory.

    Raises:
        ConfigError: If the width is not a multiple of 4 and of ``num_heads``.
    """
    has_attention = True

    def __init__(self,
                 in_dims: int,
                 grid: tuple[int, int],
                 embed_dims: int = 512,
                 depth: int = 8,
                 num_heads: int = 16,
                 with_cp: bool = False) -> None:
        super().__init__()
        if embed_dims % 4 or embed_dims % num_heads:
            raise ConfigError(f'neck.embed_dims={embed_dims}: not a multiple of 4 and of num_heads='
                              f'{num_heads}. Choose a multiple of both.')
        self.embed_dims = embed_dims
        self.depth = depth
        self.grid = tuple(grid)
        record_grid(self, self.grid)
        self.decoder_embed = nn.Linear(in_dims, embed_dims)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, embed_dims))
        self.decoder_pos_embed = nn.Parameter(
            torch.zeros(1, 1 + grid[0] * grid[1], embed_dims), requires_grad=False)
        self.decoder_blocks = nn.ModuleList(
            TransformerBlock(embed_dims, num_heads, 4 * embed_dims,
                             norm_cfg=dict(type='LN', eps=1e-6)) for _ in range(depth))
        for block in self.decoder_blocks:
            block.with_cp = with_cp
        self.ln1 = nn.LayerNorm(embed_dims, eps=1e-6)

    def init_weights(self) -> None:
        """Initialize as in MAE; override the initialization of mmpretrain's blocks."""
        super().init_weights()
        init_transformer_weights(self)
        nn.init.normal_(self.mask_token, std=.02)
        self.decoder_pos_embed.data.copy_(sincos_position_embedding(self.grid, self.embed_dims))

    def _load_from_state_dict(self, state_dict, prefix, metadata, *args) -> None:
        """Replace the fixed positions of another grid."""
        name = f'{prefix}decoder_pos_embed'
        if name in state_dict and self.grid != checkpoint_grid(
                self, name, state_dict[name], metadata):
            state_dict[name] = sincos_position_embedding(self.grid, self.embed_dims)
        super()._load_from_state_dict(state_dict, prefix, metadata, *args)

    def _embed(self, latent: Tensor, mask: PatchMask) -> Tensor:
        """Input of the first block, ``(B, 1 + L, embed_dims)``, [CLS] first."""
        x = self.decoder_embed(latent)
        patches = restore_tokens(x[:, 1:], self.mask_token, mask.ids_restore)
        x = torch.cat((x[:, :1], patches), dim=1)
        return x + resize_pos_embed(self.decoder_pos_embed, self.grid, mask.grid)

    def forward(self, latent: Tensor, mask: PatchMask) -> list[Tensor]:
        """Hidden states from [CLS] and visible patches, ``(B, 1 + Lv, in_dims)``."""
        states = [self._embed(latent, mask)]
        for block in self.decoder_blocks:
            states.append(block(states[-1]))
        states[-1] = self.ln1(states[-1])
        return [state[:, 1:] for state in states]

    @torch.no_grad()
    def group_attention(self, latent: Tensor, mask: PatchMask) -> Tensor:
        x, groups = self._embed(latent, mask), mask.groups
        shares = []

        def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
            shares.append(group_attention(query[:, :, 1:], key[:, :, 1:], groups).mean(0))
            return F.scaled_dot_product_attention(query, key, value)

        for block in self.decoder_blocks:
            x = block(x, attend)
        return torch.stack(shares)

    @torch.no_grad()
    def relations(self, latent: Tensor, mask: PatchMask, layers: Collection[int]
                  ) -> dict[int, Tensor]:
        x, reader = self._embed(latent, mask), AttentionReader(Wants(relations=frozenset(layers)))
        for i, block in enumerate(islice(self.decoder_blocks, reader.deepest + 1)):
            x = reader.run(i, block, x)
        return reader.relations
