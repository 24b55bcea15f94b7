"""What every decoder has in common."""
from collections.abc import Collection

from mmengine.model import BaseModule
from torch import Tensor

from mmguided.structures import PatchMask


class Decoder(BaseModule):
    """Base of the decoders: latents to hidden states, which the heads read.

    Every decoder takes ``in_dims``, the width of the encoder, and ``grid``, the patches ``(h, w)``
    of the usual image; algorithms fill in their backbone's.

    Attributes:
        embed_dims: Width of the hidden states.
        depth: Number of blocks.
        has_attention: Whether its blocks attend, and it has :meth:`group_attention` and
            :meth:`relations`.
        reads_all_patches: Whether it takes latents of all patches in the image's order, without
            [CLS]; otherwise those of [CLS] and of the visible patches.
    """
    embed_dims: int
    depth: int
    has_attention = False
    reads_all_patches = False

    def forward(self, latent: Tensor, mask: PatchMask) -> list[Tensor]:
        """Hidden states of all patches in the image's order, from the encoder's latents.

        Returns:
            ``1 + depth`` tensors ``(B, L, embed_dims)``: the input of the first block and the
            output of each; that of the last one is normalized, if the decoder ends in a norm.
        """
        raise NotImplementedError

    def group_attention(self, latent: Tensor, mask: PatchMask) -> Tensor:
        """Attention between visible and masked patches in each block, without gradient.

        Returns:
            ``(depth, 2, 2)``, see :func:`mmguided.ops.group_attention`: groups are the visible
            patches and the masked ones.
        """
        raise NotImplementedError

    def relations(self, latent: Tensor, mask: PatchMask, layers: Collection[int]
                  ) -> dict[int, Tensor]:
        """Attention output of all patches before the projection, without gradient, from a pass no
        deeper than the deepest of ``layers``, which count from 0: ``(B, L, embed_dims)`` each."""
        raise NotImplementedError
