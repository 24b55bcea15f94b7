"""Where the information is: from observations of encoders to scores per patch."""
from collections.abc import Mapping, Sequence

from mmengine.model import BaseModule
from torch import Tensor

from mmguided.registry import MODELS
from mmguided.structures import Clock, Observation, Wants
from mmguided.utils.errors import ConfigError

from ..backbones.base import Encoder, check_wants


class Guidance(BaseModule):
    """Base of the guidances. A new one implements :meth:`wants` and :meth:`forward`.

    Attributes:
        nonnegative: Whether no score is below 0, as some samplers need.
    """
    nonnegative = True

    def wants(self, clock: Clock) -> Mapping[str, Wants]:
        """What is asked at this time of which encoder: 'student', 'momentum' or 'teacher'."""
        raise NotImplementedError

    def check(self, encoders: Mapping[str, Encoder]) -> None:
        """Raise ConfigError, when the model is built, if encoders cannot answer :meth:`wants`, at
        the start of a run or at its end."""
        for clock in (Clock(), Clock.at_end()):
            check_wants('guidance.source', self.wants(clock), encoders)

    def forward(self, observations: Mapping[str, Observation]) -> Tensor:
        """Scores ``(B, n)``, float32, of the patches that the encoders saw, from their answers by
        name; a larger score means more information."""
        raise NotImplementedError


@MODELS.register_module()
class ClsAttention(Guidance):
    """Attention that a [CLS] token pays to the patches (ccMIM Eq. 4).

    Args:
        source: Name of the encoder to observe: 'student', or, where the algorithm has them,
            'momentum' or 'teacher'.
        layers: Layers to read, counted from 0, negative from the end; None reads all.
        softmax: 'heads' averages the attention of the heads, as ccMIM's released code; 'mean' takes
            the softmax over the patches after averaging the heads' logits, as Eq. 4 is written;
            None leaves the averaged logits.
        reduce: 'sum' or 'mean' over the layers.
    """

    def __init__(self,
                 source: str = 'student',
                 layers: Sequence[int] | None = None,
                 softmax: str | None = 'heads',
                 reduce: str = 'sum') -> None:
        super().__init__()
        if softmax not in ('heads', 'mean', None):
            raise ConfigError(f"guidance.softmax={softmax!r}: choose from 'heads', 'mean' and None")
        if reduce not in ('sum', 'mean'):
            raise ConfigError(f"guidance.reduce={reduce!r}: choose from 'sum' and 'mean'")
        if layers is not None and (not isinstance(layers, Sequence) or not layers):
            raise ConfigError(f'guidance.layers={layers!r}: give a list of one or more layers, or '
                              'None for all')
        self.source = source
        self.layers = layers
        self.softmax = softmax
        self.nonnegative = softmax is not None
        self.reduce = reduce

    def wants(self, clock):
        layers = (None, ) if self.layers is None else self.layers
        return {self.source: Wants(attention=frozenset((i, self.softmax) for i in layers))}

    def forward(self, observations):
        rows = observations[self.source].cls_attention(self.layers, self.softmax)
        return rows.sum(0) if self.reduce == 'sum' else rows.mean(0)
