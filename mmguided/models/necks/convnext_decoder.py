"""The decoder of FCMAE."""
import torch
from mmengine.model import BaseModule
from mmpretrain.models.backbones.convnext import ConvNeXtBlock
from torch import Tensor, nn

from mmguided.registry import MODELS

from ..mask_generators import PatchMask


@MODELS.register_module()
class ConvNeXtDecoder(BaseModule):
    """Predicts every unit from a map of features with ConvNeXt V2 blocks (FCMAE, Sec. 3.1).

    A projection, the mask token at masked units, blocks with depthwise 7x7 convolutions over the
    whole map, a prediction; no norm in between and no position embedding.

    Args:
        in_dims: Width of the encoder; algorithms fill in their backbone's.
        out_dims: Values to predict per unit; algorithms fill in their target's.
        grid: Units ``(h, w)`` of the usual image; algorithms fill in their backbone's.
        embed_dims: Width of the decoder.
        depth: Number of blocks.
    """

    def __init__(self,
                 in_dims: int,
                 out_dims: int,
                 grid: tuple[int, int],
                 embed_dims: int = 512,
                 depth: int = 1) -> None:
        super().__init__()
        self.grid = tuple(grid)
        self.decoder_embed = nn.Linear(in_dims, embed_dims)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, embed_dims))
        self.decoder_blocks = nn.Sequential(
            *(ConvNeXtBlock(embed_dims, layer_scale_init_value=0., use_grn=True)
              for _ in range(depth)))
        self.decoder_pred = nn.Linear(embed_dims, out_dims)

    def init_weights(self) -> None:
        """ConvNeXt's initialisation: truncated normal of deviation .02, zero biases.

        The released PyTorch code means the same, but leaves the deviation of some layers at 1.
        """
        super().init_weights()
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                nn.init.trunc_normal_(module.weight, std=.02)
                nn.init.zeros_(module.bias)
        nn.init.normal_(self.mask_token, std=.02)

    def hidden_state(self, latent: Tensor, mask: PatchMask) -> Tensor:
        """What goes into the first block, ``(B, L, embed_dims)``: projected latents, and the mask
        token at every unit that is masked, in whichever shot."""
        x = self.decoder_embed(latent)
        return torch.where(mask.mask.bool().unsqueeze(-1), self.mask_token.to(x.dtype), x)

    def forward(self,
                latent: Tensor,
                mask: PatchMask,
                grid: tuple[int, int] | None = None) -> Tensor:
        """Predictions of all units, visible ones too, in the image's order: ``(B, L, out_dims)``.

        Args:
            latent: Features of all units in the image's order, ``(B, L, in_dims)``; those of masked
                units do not matter.
            mask: The mask that made them.
            grid: Units ``(h, w)`` of these images if not the usual ones.
        """
        x = self.hidden_state(latent, mask).transpose(1, 2)
        x = self.decoder_blocks(x.unflatten(2, grid or self.grid))
        return self.decoder_pred(x.flatten(2).transpose(1, 2))
