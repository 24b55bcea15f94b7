"""Feature targets."""
from collections.abc import Mapping

import torch.nn.functional as F

from mmguided.registry import MODELS
from mmguided.structures import Clock, Wants
from mmguided.utils.errors import ConfigError

from ..backbones.base import Encoder, check_wants
from .base import TargetGenerator


@MODELS.register_module()
class FeatureTarget(TargetGenerator):
    """Output tokens of an encoder on the unmasked image (CMT-MAE Eq. 2 and 4).

    Args:
        encoders: See :class:`TargetGenerator`.
        source: Encoder name, 'momentum' or 'teacher'.
        norm: Normalize each token to zero mean and unit variance; the paper does not specify it.

    Raises:
        ConfigError: If the encoder does not exist or provides no tokens.
    """

    def __init__(self, encoders: Mapping[str, Encoder], source: str = 'momentum',
                 norm: bool = True) -> None:
        super().__init__(encoders)
        if source == 'student':
            raise ConfigError("target_generator.source='student': the student cannot be its own "
                              "target. Choose 'momentum' or 'teacher'.")
        self.source = source
        self.norm = norm
        check_wants('target_generator.source', self.wants(Clock()), encoders)
        self.dims = encoders[source].embed_dims

    def wants(self, clock):
        return {self.source: Wants(tokens=True)}

    def forward(self, images, observations):
        tokens = observations[self.source].tokens[:, 1:].float()
        return F.layer_norm(tokens, (self.dims, )) if self.norm else tokens
