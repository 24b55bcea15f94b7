"""Features of another encoder as targets."""
from collections.abc import Mapping

import torch.nn.functional as F

from mmguided.registry import MODELS
from mmguided.structures import Clock, Wants
from mmguided.utils.errors import ConfigError

from ..backbones.base import Encoder, check_wants
from .base import TargetGenerator


@MODELS.register_module()
class FeatureTarget(TargetGenerator):
    """Output tokens of an encoder that sees the whole image (CMT-MAE, Eq. 2 and 4), each normalized
    to zero mean and unit variance, which the paper leaves open.

    Args:
        encoders: As of :class:`TargetGenerator`.
        source: Name of the encoder, 'momentum' or 'teacher'.

    Raises:
        ConfigError: If there is no such encoder, or it gives no tokens.
    """

    def __init__(self, encoders: Mapping[str, Encoder], source: str = 'momentum') -> None:
        super().__init__(encoders)
        if source == 'student':
            raise ConfigError("target_generator.source='student' would be its own target: choose "
                              "'momentum' or 'teacher'")
        self.source = source
        check_wants('target_generator.source', self.wants(Clock()), encoders)
        self.dims = encoders[source].embed_dims

    def wants(self, clock):
        return {self.source: Wants(tokens=True)}

    def forward(self, images, observations):
        return F.layer_norm(observations[self.source].tokens[:, 1:].float(), (self.dims, ))
