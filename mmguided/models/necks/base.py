"""Base class of the decoders."""
from collections.abc import Collection

from mmengine.model import BaseModule
from torch import Tensor

from mmguided.structures import PatchMask


class Decoder(BaseModule):
    """Base class of the decoders, which map latents to the hidden states that heads read.

    Every decoder takes ``in_dims``, the encoder width, and ``grid``, the number of patches
    ``(h, w)`` of an image of the default size. Algorithms pass the values of the backbone.

    Attributes:
        embed_dims: Width of the hidden states.
        depth: Number of blocks.
        has_attention: True if the decoder implements :meth:`group_attention` and
            :meth:`relations`.
        reads_all_patches: True if the decoder takes latents of all patches in the image's order,
            without [CLS]; otherwise it takes [CLS] and visible patches.
    """
    embed_dims: int
    depth: int
    has_attention = False
    reads_all_patches = False

    def forward(self, latent: Tensor, mask: PatchMask) -> list[Tensor]:
        """Hidden states of all patches in the image's order, from the encoder's latents.

        Returns:
            ``1 + depth`` tensors ``(B, L, embed_dims)``: the input of the first block and the
            output of each block; the last one after the final norm, if any.
        """
        raise NotImplementedError

    def group_attention(self, latent: Tensor, mask: PatchMask) -> Tensor:
        """Attention between visible and masked patches in each block, averaged over images,
        ``(depth, 2, 2)``, without gradient; see :func:`mmguided.ops.group_attention`."""
        raise NotImplementedError

    def relations(self, latent: Tensor, mask: PatchMask, layers: Collection[int]
                  ) -> dict[int, Tensor]:
        """Attention output of all patches before the projection, ``(B, L, embed_dims)``, of each of
        ``layers`` (counted from 0), without gradient. The forward runs no deeper than needed."""
        raise NotImplementedError
