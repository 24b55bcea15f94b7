"""Where the information is: from observations of encoders to scores per patch."""
import math
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmguided.ops import normalized_cut
from mmguided.registry import MODELS
from mmguided.structures import (
    Clock,
    Observation,
    Schedule,
    Wants,
    resolve_layers,
    unite_wants,
)
from mmguided.utils.errors import ConfigError

from ..backbones.base import Encoder, check_wants


class Guidance(BaseModule):
    """Base of the guidances. A new one implements :meth:`wants` and :meth:`forward`.

    Attributes:
        nonnegative: Whether no score is below 0, as some samplers need.
        allows_nan: Whether the scores of an image may be NaN, all of them: it is then masked at
            random, and does not count in ``guided_share``.
        needs_whole_image: Whether scores are of all patches, also where some are masked already.
    """
    nonnegative = True
    allows_nan = False
    needs_whole_image = False

    def wants(self, clock: Clock) -> Mapping[str, Wants]:
        """What is asked at this time of which encoder: 'student', 'momentum' or 'teacher'."""
        raise NotImplementedError

    def check(self, encoders: Mapping[str, Encoder]) -> None:
        """Raise ConfigError, when the model is built, if encoders cannot answer :meth:`wants`, at
        the start of a run or at its end."""
        for clock in (Clock(), Clock.at_end()):
            check_wants('guidance.source', self.wants(clock), encoders)

    @property
    def sources(self) -> set[str]:
        """Names of the encoders that are asked at any time of a run."""
        return {name for clock in (Clock(), Clock.at_end()) for name in self.wants(clock)}

    @property
    def is_scheduled(self) -> bool:
        """Whether the guidance itself changes over the epochs."""
        return False

    def forward(self, observations: Mapping[str, Observation], clock: Clock) -> Tensor:
        """Scores ``(B, n)``, float32, of the patches that the encoders saw, from their answers to
        :meth:`wants` at this time by name; a larger score means more information."""
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

    def forward(self, observations, clock):
        rows = observations[self.source].cls_attention(self.layers, self.softmax)
        return rows.sum(0) if self.reduce == 'sum' else rows.mean(0)


@MODELS.register_module()
class Blend(Guidance):
    """A weighted sum of guidances, each normalized to sum 1 over the patches (CMT-MAE Eq. 3, which
    leaves the normalization open).

    A guidance whose weight is 0 is not computed, nor its encoder asked.

    Args:
        guidances: Configs of the guidances.
        weights: One for each guidance: a number in [0, 1], or the arguments of a
            :class:`mmguided.structures.Schedule`. The last may be left out: it is 1 minus the
            others.

    Raises:
        ConfigError: If there are not as many weights, they leave less than nothing for the last, or
            scores may be negative.
    """

    def __init__(self, guidances: Sequence[dict], weights: Sequence[float | Mapping]) -> None:
        super().__init__()
        self.guidances = nn.ModuleList(MODELS.build(guidance) for guidance in guidances)
        self.weights = [Schedule.of(weight, 'guidance.weights') for weight in weights]
        if len(self.guidances) - len(self.weights) not in (0, 1):
            raise ConfigError(f'guidance.weights: {len(self.weights)} weights for '
                              f'{len(self.guidances)} guidances; give as many, or one less')
        most = sum(max(weight.start, weight.end) for weight in self.weights)
        if len(self.weights) < len(self.guidances) and most > 1 + 1e-9:
            raise ConfigError(f'guidance.weights={list(weights)}: together up to {most:g}, which '
                              'leaves less than nothing for the last guidance; give its weight too')
        if not all(guidance.nonnegative for guidance in self.guidances):
            raise ConfigError("Blend normalizes scores to sum 1 and takes none below 0: set "
                              "guidance.softmax='heads'")
        self.allows_nan = any(guidance.allows_nan for guidance in self.guidances)
        self.needs_whole_image = any(guidance.needs_whole_image for guidance in self.guidances)

    def weights_at(self, clock: Clock) -> list[float]:
        """The weight of each guidance."""
        weights = [weight.at(clock) for weight in self.weights]
        if len(weights) < len(self.guidances):
            weights.append(round(1 - sum(weights), 9))  # .1 + .2 + .7 is not quite 1
        return weights

    def _active(self, clock: Clock) -> list[tuple[Guidance, float]]:
        pairs = zip(self.guidances, self.weights_at(clock), strict=True)
        return [(guidance, weight) for guidance, weight in pairs if weight > 0]

    @property
    def is_scheduled(self):
        return any(not weight.is_constant for weight in self.weights) or any(
            guidance.is_scheduled for guidance in self.guidances)

    def wants(self, clock):
        return unite_wants(*(guidance.wants(clock) for guidance, _ in self._active(clock)))

    def forward(self, observations, clock):
        return sum(weight * F.normalize(guidance(observations, clock), p=1, dim=1)
                   for guidance, weight in self._active(clock))


@MODELS.register_module()
class NcutRelevance(Guidance):
    """How much each patch resembles one of the two clusters into which a normalized cut divides the
    patches (Self-guided MAE Sec. 4, Eq. 8).

    The graph's weights are cosines of the patches' token relations, their attention output before
    the projection (Eq. 2). The cluster of the object is the side of the cut that holds the largest
    absolute entry of the eigenvector. The score of a patch is the cosine of its relation and the
    mean of the cluster's. An image that has no cut, such as one of a single color, gets no scores.

    Args:
        source: Name of the encoder to observe: 'student', 'momentum' or 'teacher'; or 'decoder',
            see :class:`mmguided.models.DecoderView`.
        layer: Layer to read, counted from 0, negative from the end; -2 is the paper's.
        cluster: 'object', 'background', or 'alternating' between them from epoch to epoch.
    """
    nonnegative = False
    allows_nan = True

    def __init__(self, source: str = 'student', layer: int = -2, cluster: str = 'object') -> None:
        super().__init__()
        if cluster not in ('object', 'background', 'alternating'):
            raise ConfigError(f"guidance.cluster={cluster!r}: choose from 'object', 'background' "
                              "and 'alternating'")
        self.source = source
        self.layer = layer
        self.cluster = cluster

    @property
    def is_scheduled(self):
        return self.cluster == 'alternating'

    def wants(self, clock):
        return {self.source: Wants(relations=frozenset({self.layer}))}

    def forward(self, observations, clock):
        seen = observations[self.source]
        layer, = resolve_layers([self.layer], seen.num_layers)
        with torch.autocast(seen.relations[layer].device.type, enabled=False):
            relations = seen.relations[layer].float()
            unit = F.normalize(relations, dim=-1)
            cut = normalized_cut(unit @ unit.mT)
            background = self.cluster == 'background' or (
                self.cluster == 'alternating' and clock.epoch % 2 >= 1)  # in odd epochs
            cluster = (~cut.side if background else cut.side).float()
            center = cluster.unsqueeze(1) @ relations  # its mean, but for a factor
            scores = (F.normalize(center, dim=-1) @ unit.mT).squeeze(1)
        return torch.where(cut.valid.unsqueeze(1), scores, math.nan)


@MODELS.register_module()
class CachedGuidance(Guidance):
    """Scores that another guidance has given to the whole image, once: Self-guided MAE's way to
    make masks at about the cost of one more epoch in a run (App. E), for any guidance.

    In training, scores come with the images, cut out of the whole image's by
    :class:`mmguided.datasets.WithScores`, and no encoder is asked;
    :class:`mmguided.engine.hooks.ScoreMapsHook` makes them at the start of the first epoch that is
    guided. Until then all images are masked at random. In evaluation mode it is the guidance
    itself, and scores the images that it is given.

    Args:
        guidance: Config of the guidance.
        refresh: Epochs after which scores are made anew; None keeps them.

    Raises:
        ConfigError: If scores would have to change from epoch to epoch and would not, or, in use,
            none come with the images.
    """
    allows_nan = True
    needs_whole_image = True

    def __init__(self, guidance: dict, refresh: int | None = None) -> None:
        super().__init__()
        self.guidance = MODELS.build(guidance)
        self.nonnegative = self.guidance.nonnegative
        if refresh is not None and (not isinstance(refresh, int) or refresh < 1):
            raise ConfigError(f'guidance.refresh={refresh!r}: give a number of epochs, or None')
        if self.guidance.is_scheduled and refresh != 1:
            raise ConfigError(f'guidance.refresh={refresh}: the scores of '
                              f'{type(self.guidance).__name__} change from epoch to epoch; set it '
                              'to 1, or take the guidance without CachedGuidance')
        self.refresh = refresh

    def check(self, encoders):
        self.guidance.check(encoders)

    @property
    def sources(self):
        return self.guidance.sources

    @property
    def is_scheduled(self):
        return self.guidance.is_scheduled

    def wants(self, clock):
        return {} if self.training else self.guidance.wants(clock)

    def forward(self, observations, clock):
        if not self.training:
            return self.guidance(observations, clock)
        if 'cache' not in observations:
            raise ConfigError(
                'CachedGuidance: no scores come with the images; the pipeline must end in '
                "dict(type='mmguided.WithScores', transforms=[...]), and default_hooks have "
                "score_maps=dict(type='mmguided.ScoreMapsHook')")
        return observations['cache'].scores
