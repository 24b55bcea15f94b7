"""Decoder of FCMAE."""
import torch
from mmpretrain.models.backbones.convnext import ConvNeXtBlock
from torch import Tensor, nn

from mmguided.registry import MODELS
from mmguided.structures import PatchMask

from .base import Decoder


@MODELS.register_module()
class ConvNeXtDecoder(Decoder):
    """ConvNeXt V2 decoder over a feature map (FCMAE, Sec. 3.1).

    The decoder consists of a projection, mask tokens at masked patches, and depthwise 7x7
    convolution blocks over the full map. It has no norm and no position embedding.

    Args:
        in_dims: See :class:`Decoder`.
        grid: Unused; any grid is supported.
        embed_dims: Width.
        depth: Number of blocks.
    """
    reads_all_patches = True

    def __init__(self,
                 in_dims: int,
                 grid: tuple[int, int],
                 embed_dims: int = 512,
                 depth: int = 1) -> None:
        super().__init__()
        self.embed_dims = embed_dims
        self.depth = depth
        self.decoder_embed = nn.Linear(in_dims, embed_dims)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, embed_dims))
        self.decoder_blocks = nn.Sequential(*(
            ConvNeXtBlock(embed_dims, layer_scale_init_value=0., use_grn=True)
            for _ in range(depth)))

    def init_weights(self) -> None:
        """Initialize as in ConvNeXt: truncated normal with standard deviation .02, zero biases.

        The released PyTorch code intends the same values but uses a deviation of 1 in some layers.
        """
        super().init_weights()
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                nn.init.trunc_normal_(module.weight, std=.02)
                nn.init.zeros_(module.bias)
        nn.init.normal_(self.mask_token, std=.02)

    def forward(self, latent: Tensor, mask: PatchMask) -> list[Tensor]:
        """Hidden states from features ``(B, L, in_dims)`` of all patches in the image's order. Mask
        tokens replace the features of patches masked in any shot."""
        x = self.decoder_embed(latent)
        x = torch.where(mask.mask.bool().unsqueeze(-1), self.mask_token.to(x.dtype), x)
        maps = [x.transpose(1, 2).unflatten(2, mask.grid)]
        for block in self.decoder_blocks:
            maps.append(block(maps[-1]))
        return [x.flatten(2).transpose(1, 2) for x in maps]
