"""The decoder, as one of the encoders that guidance may observe."""
import torch
from torch import Tensor

from mmguided.ops import gather_tokens
from mmguided.structures import Observation, PatchMask, Wants

from ..backbones.base import Encoder
from ..necks.base import Decoder


class DecoderView(Encoder):
    """Encodes a random part of the patches and observes the decoder while it rebuilds all
    (Self-guided MAE, Table 3, "Dec 8"). That is one more forward of MAE, without gradient. The mask
    is drawn from torch's global generator.

    Args:
        encoder: The encoder that is trained.
        decoder: Its decoder.
        mask_ratio: Share of the patches that the encoder does not see.
    """
    observable = ('relations', )

    def __init__(self, encoder: Encoder, decoder: Decoder, mask_ratio: float) -> None:
        self.encoder = encoder
        self.decoder = decoder
        self.mask_ratio = mask_ratio
        self.patch_size = encoder.patch_size
        self.patch_resolution = encoder.patch_resolution
        self.embed_dims = decoder.embed_dims
        self.num_layers = decoder.depth

    @torch.no_grad()
    def observe(self, images: Tensor, wants: Wants, mask: PatchMask | None = None) -> Observation:
        """Answer ``wants``, of patches that a mask has left if there is one."""
        random = PatchMask.random(
            len(images), self.patch_grid(images), self.mask_ratio, images.device)
        relations = self.decoder.relations(
            self.encoder(images, random), random, wants.resolve(self.num_layers).relations)
        # Not the weights that autocast has cast here, without a graph, in the pass that trains.
        torch.clear_autocast_cache()
        if mask is not None:
            relations = {layer: gather_tokens(values, mask.ids_keep)
                         for layer, values in relations.items()}
        return Observation(self.num_layers, relations=relations)
