"""A decoder that shares its blocks with another."""
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmguided.registry import MODELS
from mmguided.utils.errors import ConfigError

from ..utils import init_transformer_weights
from .mae_decoder import MAEDecoder


@MODELS.register_module()
class SharedDecoder(BaseModule):
    """The first blocks of another decoder, with a norm and a prediction of its own.

    The shared blocks, their embedding and mask token run once for both (CMAE Table 4c, "share
    weight"). Two decoders with different targets cannot share the prediction.

    Args:
        decoder: The decoder whose blocks are shared; algorithms fill in theirs.
        out_dims: Values to predict per patch.
        depth: How many of its blocks are shared.

    Raises:
        ConfigError: If the decoder has not that many blocks.
    """

    def __init__(self, decoder: MAEDecoder, out_dims: int, depth: int = 2) -> None:
        super().__init__()
        if not 0 < depth <= len(decoder.decoder_blocks):
            raise ConfigError(f'feature_decoder.depth={depth}: the decoder that shares its blocks '
                              f'has {len(decoder.decoder_blocks)}, choose from 1 to that')
        self.depth = depth
        embed_dims = decoder.mask_token.shape[-1]
        self.ln1 = nn.LayerNorm(embed_dims, eps=1e-6)
        self.decoder_pred = nn.Linear(embed_dims, out_dims)

    def init_weights(self) -> None:
        """MAE's initialisation."""
        super().init_weights()
        init_transformer_weights(self)

    def forward(self, hidden_states: list[Tensor]) -> Tensor:
        """Predictions ``(B, L, out_dims)`` from the states of :meth:`MAEDecoder.hidden_states`."""
        return self.decoder_pred(self.ln1(hidden_states[self.depth]))[:, 1:]
