"""Guidance: per-patch scores from encoder observations."""
import math
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmguided.ops import normalized_cut
from mmguided.registry import MODELS
from mmguided.structures import Clock, Observation, Schedule, Wants, resolve_layers, unite_wants
from mmguided.utils.errors import ConfigError

from ..backbones.base import Encoder, check_wants


class Guidance(BaseModule):
    """Base class of guidance. Subclasses implement :meth:`wants` and :meth:`forward`.

    Attributes:
        nonnegative: True if scores are never negative, as some samplers require.
        needs_whole_image: True if the guidance scores only whole images. Later shots cannot use it.
        num_variants: Number of score maps between which the guidance switches over the epochs.
    """
    nonnegative = True
    needs_whole_image = False
    num_variants = 1

    def wants(self, clock: Clock) -> Mapping[str, Wants]:
        """Requested observations by encoder name: 'student', 'momentum', 'teacher', 'decoder', or
        'image' for the pixels."""
        raise NotImplementedError

    def check(self, encoders: Mapping[str, Encoder]) -> None:
        """Raise ConfigError if the encoders do not always support :meth:`wants` during a run."""
        for clock in (Clock(), Clock.at_end()):
            check_wants('guidance.source', self.wants(clock), encoders)

    @property
    def sources(self) -> set[str]:
        """Names of the encoders observed at any time of a run."""
        return {name for clock in (Clock(), Clock.at_end()) for name in self.wants(clock)}

    @property
    def is_scheduled(self) -> bool:
        """True if the guidance itself changes over the epochs."""
        return False

    def forward(self, observations: Mapping[str, Observation], clock: Clock) -> Tensor:
        """Scores ``(B, n)``, float32, from the observations requested by :meth:`wants`, by encoder
        name; a higher score means more information. An image with a NaN or Inf score is masked at
        random and excluded from ``guided_share``."""
        raise NotImplementedError

    def variants(self, observations: Mapping[str, Observation], clock: Clock) -> Tensor:
        """All score maps, ``(B, num_variants, n)``, which :class:`CachedGuidance` stores."""
        return self(observations, clock).unsqueeze(1)

    def variant_at(self, clock: Clock) -> int:
        """Index of the score map at the time of the clock."""
        return 0

    def log_vars(self, observations: Mapping[str, Observation], clock: Clock) -> dict[str, Tensor]:
        """Scalars to log with the scores of ``observations``."""
        return {}


@MODELS.register_module()
class ClsAttention(Guidance):
    """[CLS]-to-patch attention (ccMIM Eq. 4).

    Args:
        source: Encoder name: 'student', 'momentum' or 'teacher'.
        layers: Layer indices, counted from 0; negative indices count from the end. None means all.
        softmax: 'heads' averages the attention over heads (ccMIM's released code). 'mean' applies
            the softmax over patches to the head-averaged logits (Eq. 4). None returns the logits.
        reduce: 'sum' or 'mean' over the layers.
    """

    def __init__(self,
                 source: str = 'student',
                 layers: Sequence[int] | None = None,
                 softmax: str | None = 'heads',
                 reduce: str = 'sum') -> None:
        super().__init__()
        if reduce not in ('sum', 'mean'):
            raise ConfigError(f"guidance.reduce={reduce!r}: unknown. Choose 'sum' or 'mean'.")
        if layers is not None and (not isinstance(layers, Sequence) or not layers):
            raise ConfigError(f'guidance.layers={layers!r}: not a list of layers. Give one or '
                              'more layers, or None for all layers.')
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
    """Weighted sum of several guidances (CMT-MAE Eq. 3).

    Guidance with weight 0 is skipped, including its encoder forward. Logs ``blend_share``, the
    share of the first guidance in the sum of the blended scores, which is the effective weight. It
    equals the weight if the scores are normalized.

    Args:
        guidances: Configs of the guidances.
        weights: Weight of each guidance: a number in [0, 1], or the arguments of a
            :class:`mmguided.structures.Schedule`. The last weight may be omitted; it is then 1
            minus the sum of the others.
        normalize: Normalize each guidance to sum 1 over the patches. Eq. 3 states no normalization.
            Without it, the guidance whose scores have the larger sum has more effect than its
            weight says. [CLS] also attends to itself, so that its attention to the patches sums to
            less than 1.

    Raises:
        ConfigError: If the number of weights is wrong, the last weight is omitted and the others
            sum to more than 1, all weights are 0 at some time, or scores may be negative.
    """

    def __init__(self, guidances: Sequence[dict], weights: Sequence[float | Mapping],
                 normalize: bool = True) -> None:
        super().__init__()
        self.normalize = normalize
        self.guidances = nn.ModuleList(MODELS.build(guidance) for guidance in guidances)
        self.weights = [Schedule.of(weight, 'guidance.weights') for weight in weights]
        if len(self.guidances) - len(self.weights) not in (0, 1):
            raise ConfigError(f'guidance.weights={list(weights)}: {len(self.weights)} weights for '
                              f'{len(self.guidances)} guidances. Give as many, or one fewer.')
        most = sum(max(weight.start, weight.end) for weight in self.weights)
        if len(self.weights) < len(self.guidances) and most > 1 + 1e-9:
            raise ConfigError(f'guidance.weights={list(weights)}: the sum {most:g} exceeds 1. '
                              'Reduce them, or give the weight of the last guidance too.')
        if len(self.weights) == len(self.guidances) and not all(
                any(getattr(weight, time) for weight in self.weights) for time in ('start', 'end')):
            raise ConfigError(f'guidance.weights={list(weights)}: all are 0 at the start or the '
                              'end. Use mask_generator.schedule to guide only a part of the run.')
        if not all(guidance.nonnegative for guidance in self.guidances):
            raise ConfigError('guidance.guidances: Blend needs nonnegative scores. Set '
                              "softmax='heads' in each guidance.")
        self.needs_whole_image = any(guidance.needs_whole_image for guidance in self.guidances)

    def weights_at(self, clock: Clock) -> list[float]:
        """Weight of each guidance at the time of the clock."""
        weights = [weight.at(clock) for weight in self.weights]
        if len(weights) < len(self.guidances):
            weights.append(round(1 - sum(weights), 9))  # .1 + .2 + .7 != 1
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
        return sum(self._terms(observations, clock).values())

    def log_vars(self, observations, clock):
        terms = self._terms(observations, clock)
        total = sum(terms.values()).sum(1)
        first = terms.get(self.guidances[0], torch.zeros_like(total)[:, None]).sum(1)
        return dict(blend_share=(first / total).nanmean())

    def _terms(self, observations: Mapping[str, Observation], clock: Clock
               ) -> dict[Guidance, Tensor]:
        """Weighted scores ``(B, n)`` of each guidance."""
        terms = {}
        for guidance, weight in self._active(clock):
            scores = guidance(observations, clock)
            terms[guidance] = weight * (
                F.normalize(scores, p=1, dim=1) if self.normalize else scores)
        return terms


@MODELS.register_module()
class NcutRelevance(Guidance):
    """Similarity of each patch to one cluster of a normalized cut (Self-guided MAE Sec. 4, Eq. 8).

    Graph weights are cosines of token relations, the attention output before the projection
    (Eq. 2). The object cluster is the side of the cut with the largest absolute entry of the
    eigenvector. The score of a patch is the cosine between its relation and the cluster mean.
    Images without a valid cut, such as single-color images, get NaN scores.

    Args:
        source: Encoder name: 'student', 'momentum', 'teacher', or 'decoder' (see
            :class:`mmguided.models.DecoderView`).
        layer: Layer index from 0; negative indices count from the end. The paper uses -2.
        cluster: 'object', 'background', or 'alternating': 'object' in even epochs and 'background'
            in odd epochs.
    """
    nonnegative = False

    def __init__(self, source: str = 'student', layer: int = -2, cluster: str = 'object') -> None:
        super().__init__()
        if cluster not in ('object', 'background', 'alternating'):
            raise ConfigError(f"guidance.cluster={cluster!r}: unknown. Choose 'object', "
                              "'background' or 'alternating'.")
        self.source = source
        self.layer = layer
        self.cluster = cluster
        self.num_variants = 2 if cluster == 'alternating' else 1

    @property
    def is_scheduled(self):
        return self.num_variants > 1

    def variant_at(self, clock):
        return int(clock.epoch % 2 >= 1) if self.is_scheduled else 0

    def wants(self, clock):
        return {self.source: Wants(relations=frozenset({self.layer}))}

    def forward(self, observations, clock):
        return self.variants(observations, clock)[:, self.variant_at(clock)]

    def variants(self, observations, clock):
        seen = observations[self.source]
        layer, = resolve_layers([self.layer], seen.num_layers)
        with torch.autocast(seen.relations[layer].device.type, enabled=False):
            relations = seen.relations[layer].float()
            unit = F.normalize(relations, dim=-1)
            cut = normalized_cut(unit @ unit.mT)
            clusters = dict(object=[cut.side], background=[~cut.side],
                            alternating=[cut.side, ~cut.side])[self.cluster]
            centers = torch.stack(clusters, dim=1).float() @ relations  # means up to factors
            scores = F.normalize(centers, dim=-1) @ unit.mT
        return torch.where(cut.valid[:, None, None], scores, math.nan)


@MODELS.register_module()
class CachedGuidance(Guidance):
    """Cache of another guidance's scores of whole images (Self-guided MAE, App. E).

    The cache costs about one additional epoch per run. :class:`mmguided.engine.hooks.ScoreMapsHook`
    computes the scores at the start of the first guided epoch; before this epoch, all images are
    masked at random. In training, :class:`mmguided.datasets.WithScores` loads the scores with the
    images and crops both in the same way, and no encoder is observed. In eval mode, the guidance
    scores the images directly. If the guidance alternates between score maps, for example between
    clusters, all maps are cached.

    Args:
        guidance: Config of the guidance.
        refresh: Epochs between recomputations of the scores; None to compute them once.

    Raises:
        ConfigError: If the scores of the guidance change every epoch and ``refresh`` is not 1, or
            the images of a training step have no scores.
    """
    needs_whole_image = True

    def __init__(self, guidance: dict, refresh: int | None = None) -> None:
        super().__init__()
        self.guidance = MODELS.build(guidance)
        self.nonnegative = self.guidance.nonnegative
        if refresh is not None and (not isinstance(refresh, int) or refresh < 1):
            raise ConfigError(f'guidance.refresh={refresh!r}: not a positive integer. Give a '
                              'number of epochs, or None.')
        if self.guidance.is_scheduled and self.guidance.num_variants == 1 and refresh != 1:
            raise ConfigError(f'guidance.refresh={refresh}: {type(self.guidance).__name__} changes '
                              'every epoch. Set it to 1, or remove CachedGuidance.')
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
        scores = _loaded_scores(self, observations)
        variants = scores.unflatten(1, (self.guidance.num_variants, -1))
        return variants[:, self.guidance.variant_at(clock)]


@MODELS.register_module()
class MapGuidance(Guidance):
    """Scores from maps in a folder, such as masks of tissue, defects, clouds or saliency.

    The map of ``IMAGES/a/b.jpg`` is ``folder/a/b.npy`` or an image ``folder/a/b.png`` (or another
    extension), with one nonnegative value per pixel and the image's aspect ratio, at any
    resolution. Images must differ in more than the extension.
    :class:`mmguided.datasets.WithScores` crops and flips the map with the image; the score of a
    patch is its mean. :class:`mmguided.engine.hooks.ScoreMapsHook` connects both. In eval mode,
    images have no maps and are masked at random.

    Args:
        folder: Folder of the maps.
        missing: 'error', or 'random' to mask images without a map at random.

    Raises:
        ConfigError: If ``missing`` is unknown, or the images have no scores.
    """
    needs_whole_image = True

    def __init__(self, folder: str, missing: str = 'error') -> None:
        super().__init__()
        if missing not in ('error', 'random'):
            raise ConfigError(
                f"guidance.missing={missing!r}: unknown. Choose 'error' or 'random'.")
        self.folder = folder
        self.missing = missing

    def wants(self, clock):
        return {} if self.training else {'image': Wants(pixels=True)}

    def forward(self, observations, clock):
        if self.training:
            return _loaded_scores(self, observations)
        pixels = observations['image'].pixels
        return pixels.new_full(pixels.shape[:2], math.nan)


def _loaded_scores(guidance: Guidance, observations: Mapping[str, Observation]) -> Tensor:
    """Scores loaded with the images; raise ConfigError if there are none."""
    if 'cache' not in observations:
        raise ConfigError(
            f'guidance.type={type(guidance).__name__}: the images have no scores. End the pipeline '
            "with dict(type='mmguided.WithScores', transforms=[...]) and set "
            "default_hooks.score_maps=dict(type='mmguided.ScoreMapsHook').")
    return observations['cache'].scores
