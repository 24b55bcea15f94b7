"""The decoder of MAE."""
import torch
from mmengine.model import BaseModule
from mmpretrain.models.backbones.vision_transformer import TransformerEncoderLayer
from mmpretrain.models.utils import resize_pos_embed
from torch import Tensor, nn

from mmguided.ops import restore_tokens, sincos_position_embedding
from mmguided.registry import MODELS
from mmguided.utils.errors import ConfigError

from ..mask_generators import PatchMask
from ..utils import init_transformer_weights


@MODELS.register_module()
class MAEDecoder(BaseModule):
    """Predicts every patch from the latents of the visible ones (MAE Sec. 3).

    Parameters have the names of mmpretrain's ``MAEPretrainDecoder``.

    Args:
        in_dims: Width of the encoder; algorithms fill in their backbone's.
        out_dims: Values to predict per patch; algorithms fill in their target's.
        grid: Patches ``(h, w)`` of the usual image; algorithms fill in their backbone's.
        embed_dims: Width of the decoder.
        depth: Number of blocks.
        num_heads: Attention heads.

    Raises:
        ConfigError: If the width is no multiple of 4 and of the heads.
    """

    def __init__(self,
                 in_dims: int,
                 out_dims: int,
                 grid: tuple[int, int],
                 embed_dims: int = 512,
                 depth: int = 8,
                 num_heads: int = 16) -> None:
        super().__init__()
        if embed_dims % 4 or embed_dims % num_heads:
            raise ConfigError(f'neck.embed_dims={embed_dims} must be a multiple of 4 and of '
                              f'num_heads={num_heads}')
        self.grid = tuple(grid)
        self.decoder_embed = nn.Linear(in_dims, embed_dims)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, embed_dims))
        self.decoder_pos_embed = nn.Parameter(
            torch.zeros(1, 1 + grid[0] * grid[1], embed_dims), requires_grad=False)
        self.decoder_blocks = nn.ModuleList(
            TransformerEncoderLayer(embed_dims, num_heads, 4 * embed_dims,
                                    norm_cfg=dict(type='LN', eps=1e-6)) for _ in range(depth))
        self.ln1 = nn.LayerNorm(embed_dims, eps=1e-6)
        self.decoder_pred = nn.Linear(embed_dims, out_dims)

    def init_weights(self) -> None:
        """MAE's initialisation, in place of what mmpretrain's blocks do by themselves."""
        super().init_weights()
        init_transformer_weights(self)
        nn.init.normal_(self.mask_token, std=.02)
        self.decoder_pos_embed.data.copy_(
            sincos_position_embedding(self.grid, self.decoder_pos_embed.shape[-1]))

    def hidden_states(self,
                      latent: Tensor,
                      mask: PatchMask,
                      grid: tuple[int, int] | None = None) -> list[Tensor]:
        """What goes into the first block and what comes out of each.

        Args:
            latent: [CLS] and visible patches, ``(B, 1 + Lv, in_dims)``.
            mask: The mask that made them.
            grid: Patches ``(h, w)`` of these images if not the usual ones.

        Returns:
            ``1 + depth`` tensors ``(B, 1 + L, embed_dims)``, [CLS] first, in the image's order.
        """
        x = self.decoder_embed(latent)
        patches = restore_tokens(x[:, 1:], self.mask_token, mask.ids_restore)
        x = torch.cat((x[:, :1], patches), dim=1)
        states = [x + resize_pos_embed(self.decoder_pos_embed, self.grid, grid or self.grid)]
        for block in self.decoder_blocks:
            states.append(block(states[-1]))
        return states

    def predict(self, hidden_state: Tensor) -> Tensor:
        """Values of the patches, ``(B, L, out_dims)``, from the last hidden state."""
        return self.decoder_pred(self.ln1(hidden_state))[:, 1:]

    def forward(self,
                latent: Tensor,
                mask: PatchMask,
                grid: tuple[int, int] | None = None) -> Tensor:
        """Predictions of all patches, visible ones too, in the image's order: ``(B, L, out_dims)``.

        Arguments as in :meth:`hidden_states`.
        """
        return self.predict(self.hidden_states(latent, mask, grid)[-1])
