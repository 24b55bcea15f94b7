"""Decoder as an observable encoder for guidance."""
import torch
from torch import Tensor

from mmguided.ops import gather_tokens
from mmguided.structures import Observation, PatchMask, Wants
from mmguided.utils.modules import clear_autocast_cache, eval_mode

from ..backbones.base import Encoder
from ..necks.base import Decoder


class DecoderView(Encoder):
    """Token relations of the decoder on randomly masked images (Self-guided MAE, Table 3, "Dec 8").

    The view costs an additional forward of MAE without gradient. The mask is drawn from torch's
    global generator.
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
        """Return the outputs requested by ``wants`` for all patches, or for the patches that
        ``mask`` keeps."""
        random = PatchMask.random(
            len(images), self.patch_grid(images), self.mask_ratio, images.device)
        with eval_mode(self.encoder), eval_mode(self.decoder):
            relations = self.decoder.relations(
                self.encoder(images, random), random, wants.resolve(self.num_layers).relations)
        clear_autocast_cache()
        if mask is not None:
            relations = {layer: gather_tokens(values, mask.ids_keep)
                         for layer, values in relations.items()}
        return Observation(self.num_layers, relations=relations)
