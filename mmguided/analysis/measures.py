"""Measure the layers of several models on the same batches."""
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from mmguided.ops import gather_tokens, mean_by_group, normalized_cut
from mmguided.structures import PatchMask
from mmguided.utils.errors import ConfigError

from .attention import (
    attention_distance,
    attention_entropy,
    attention_nmi,
    exploitation_rates,
    patch_distances,
    reversed_attention,
)
from .cka import MinibatchCKA
from .features import (
    cosine_similarity,
    feature_variance,
    intra_and_inter,
    relation_kl,
    relative_log_amplitude,
    similarity_variance,
)
from .layers import (
    Layer,
    LayerActivations,
    check_encoder,
    decoder_layers,
    encoder_layers,
    grid_of,
    has_decoder,
    relation_distributions,
)

ENCODER, DECODER = 'encoder', 'decoder'
CKA = 'cka'


@dataclass(frozen=True)
class MeasureContext:
    """Inputs of a measure besides the layer.

    Attributes:
        grid: Patches ``(h, w)``.
        distances: Output of :func:`patch_distances`.
        partition: Group of each patch by the similarities of the last layer, ``(B, n)`` bool, and
            validity of the cut of each image, ``(B, )`` bool; None if no measure needs it.
        mask: Mask of the encoder's input; None if the encoder sees the whole image.
    """
    grid: tuple[int, int]
    distances: Tensor
    partition: tuple[Tensor, Tensor] | None
    mask: PatchMask | None


@dataclass(frozen=True)
class Measure:
    """Measure with one or more values per layer and image.

    Attributes:
        title: Name in figures and reports.
        compute: Function from activations and a :class:`MeasureContext` to ``(B, ...)``; for pair
            measures, from activations and the :func:`relation_distributions` of the reference.
        label: Axis label in figures, with the unit.
        description: Explanation in the report.
        entries: Name of the values of an image, such as 'head'; '' for a single value.
        parts: Parts of a model that are measured.
        needs_partition: True if the measure reads :attr:`MeasureContext.partition`.
        needs_mask: True if the measure is undefined without masked patches.
        finalize: Function from the mean over images, ``(layers, ...)``, and the context to the
            reported value; if None, the mean is reported.
        uniform: Function from the context to the value of :meth:`curve` for uniform attention; None
            if this value does not exist or is 0.
    """
    title: str
    compute: Callable[[LayerActivations, MeasureContext], Tensor]
    label: str
    description: str
    entries: str = ''
    parts: tuple[str, ...] = (ENCODER, DECODER)
    needs_partition: bool = False
    needs_mask: bool = False
    finalize: Callable[[Tensor, MeasureContext], Tensor] | None = None
    uniform: Callable[[MeasureContext], float] | None = None

    def curve(self, values: Tensor) -> Tensor:
        """One value per layer for figures, ``(..., layers)``, from values ``(..., layers[,
        entries])``: the mean over heads, the gap between groups, or the last entry."""
        if self.entries == 'head':
            return values.mean(dim=-1)
        if self.entries == 'intra, inter':
            return values[..., 0] - values[..., 1]
        return values[..., -1] if self.entries else values


def _group_means(weights: Tensor, context: MeasureContext) -> Tensor:
    side, valid = context.partition
    return torch.where(valid.unsqueeze(1), intra_and_inter(weights, side), torch.nan)


def _partition(last: Layer) -> tuple[Tensor, Tensor]:
    cut = normalized_cut(cosine_similarity(last.activations().relations))
    return cut.side, cut.valid


def _mean_distance(context: MeasureContext, others: bool = False) -> float:
    """Mean distance of all pairs of patches, or of all pairs of different patches."""
    num = len(context.distances)
    return context.distances.sum().item() / (num * (num - others))


def _group_attention(layer: LayerActivations, context: MeasureContext) -> Tensor:
    """Attention between groups (r of Eq. 5), ``(B, 2, 2)``, see :func:`exploitation_rates`."""
    groups = context.mask.groups
    return mean_by_group(layer.attention.mean(dim=1) @ groups, groups)


def _exploitation(mean: Tensor, context: MeasureContext) -> Tensor:
    return exploitation_rates(mean, context.mask.mask[0].mean().item())


MEASURES: Mapping[str, Measure] = {
    'attention_distance': Measure(
        'Attention distance',
        lambda layer, context: attention_distance(layer.attention, context.distances),
        'attention distance, px',
        'Attention-weighted distance between a patch and the patches that it attends to. Low: '
        'local attention.', 'head', uniform=_mean_distance),
    'attention_entropy': Measure(
        'Attention entropy',
        lambda layer, context: attention_entropy(layer.attention),
        'attention entropy, nats',
        'Entropy of the attention of a patch. Low: attention to few patches.', 'head',
        uniform=lambda context: math.log(len(context.distances))),
    'attention_nmi': Measure(
        'Attention NMI',
        lambda layer, context: attention_nmi(layer.attention),
        'NMI of query and key positions',
        'Dependence of the attention on the query position. 0: the same attention for all '
        'queries.', 'head'),
    'reversed_attention_distance': Measure(
        'Reversed attention distance',
        lambda layer, context: attention_distance(
            reversed_attention(layer.attention), context.distances),
        'reversed attention distance, px',
        'Distance between a patch and the other patches that attend to it, weighted by their '
        'attention.', 'head', uniform=lambda context: _mean_distance(context, others=True)),
    'token_variance': Measure(
        'Token variance',
        lambda layer, context: feature_variance(layer.tokens),
        'σ_F of output tokens',
        'Variance of the normalized output tokens of the patches of an image.'),
    'feature_variance': Measure(
        'Feature variance',
        lambda layer, context: feature_variance(layer.relations),
        'σ_F of attention outputs',
        'Variance of the normalized attention outputs of the patches of an image.'),
    'similarity_variance': Measure(
        'Similarity variance',
        lambda layer, context: similarity_variance(cosine_similarity(layer.relations)),
        'similarity variance σ_S',
        'Variance of the cosine similarity over pairs of patches. High: patches form clusters.'),
    'similarity_gap': Measure(
        'Bi-partition gap of similarities',
        lambda layer, context: _group_means(cosine_similarity(layer.relations), context),
        'μ_intra - μ_inter of similarities',
        'Mean similarity of patches within a group minus that between the groups. The two groups '
        'are a normalized cut of the similarities in the last layer of the reference.',
        'intra, inter', needs_partition=True),
    'attention_gap': Measure(
        'Bi-partition gap of attention',
        lambda layer, context: _group_means(layer.attention.mean(dim=1), context),
        'μ_intra - μ_inter of attention',
        'Mean attention within a group minus that between the groups of the reference; rows of '
        'the attention sum to 1.', 'intra, inter', needs_partition=True),
    'relative_log_amplitude': Measure(
        'Fourier: relative log amplitude',
        lambda layer, context: relative_log_amplitude(layer.tokens, context.grid),
        'relative log amplitude',
        'Log amplitude of the frequencies of the feature map relative to frequency 0; figures of '
        'layers show the highest frequency. High: detail. Low: overall shape.', 'frequency'),
    'mask_token_variance': Measure(
        'Mask token variance',
        lambda layer, context: feature_variance(gather_tokens(layer.tokens, context.mask.ids_mask)),
        'σ_F of mask tokens',
        'Variance of the normalized output mask tokens of an image.',
        parts=(DECODER, ), needs_mask=True),
    'exploitation': Measure(
        'Exploitation rate', _group_attention, 'share of mask tokens',
        'How much the output tokens consist of mask tokens instead of visible tokens, accumulated '
        'from the first decoder layer to this one. Uses the mean attention over all images.',
        'visible, mask', parts=(DECODER, ), needs_mask=True, finalize=_exploitation,
        uniform=lambda context: context.mask.mask[0].mean().item()),
}

#: Measures that compare a model with a reference.
PAIR_MEASURES: Mapping[str, Measure] = {
    f'{kind}_kl': Measure(
        f'KL of {kind}',
        lambda layer, reference, kind=kind: relation_kl(
            relation_distributions(layer)[kind], reference[kind]),
        f'KL of {kind}, nats',
        f'KL divergence of the {kind} of the patches from that of the reference, averaged over '
        'patches. The decoder of the reference sees all patches and the other decoders see masked '
        'images, so that the KL of a decoder from itself is not 0.')
    for kind in ('attention', 'similarity')}


@dataclass
class Estimate:
    """Mean over images.

    Attributes:
        mean: ``(layers, ...)``.
        standard_error: Standard error of the mean, same shape; NaN for one image. None for values
            that are computed from means, see :attr:`Measure.finalize`.
        num_images: Smallest number of images with a value.
        curve, curve_error: The same for :meth:`Measure.curve`, ``(layers, )``.
        uniform: Value of ``curve`` for uniform attention, see :attr:`Measure.uniform`.
    """
    mean: np.ndarray
    standard_error: np.ndarray | None
    num_images: int
    curve: np.ndarray
    curve_error: np.ndarray | None
    uniform: float | None


@dataclass
class ModelMeasures:
    """Measures of one model.

    Attributes:
        layers: ``(measure, part)`` -> :class:`Estimate`.
        cka: CKA of the encoders, ``(layers of the reference, layers of the model)``; None if it was
            not requested.
        grid: Patches ``(h, w)``.
        skipped: Measure -> reason why it does not apply to this model.
    """
    layers: dict[tuple[str, str], Estimate] = field(default_factory=dict)
    cka: np.ndarray | None = None
    grid: tuple[int, int] = (0, 0)
    skipped: dict[str, str] = field(default_factory=dict)


class _Accumulator:
    """Collect the measures of one model over batches."""

    def __init__(self, model: nn.Module, measures: Sequence[str], mask_ratio: float) -> None:
        check_encoder(model)
        self.model = model
        self.mask_ratio = mask_ratio
        self.measures = {name: MEASURES[name] for name in measures if name in MEASURES}
        self.pairs = {name: PAIR_MEASURES[name] for name in measures if name in PAIR_MEASURES}
        self.cka = MinibatchCKA() if CKA in measures else None
        self.parts = [ENCODER, DECODER] if has_decoder(model) else [ENCODER]
        self.result = ModelMeasures()
        self.values: dict[tuple[str, str], list[Tensor]] = defaultdict(list)
        self.contexts: dict[str, MeasureContext] = {}
        for name, measure in self.measures.items():
            if not set(measure.parts) & set(self.parts):
                self.result.skipped[name] = 'no decoder with attention'
            elif measure.needs_mask and not mask_ratio:
                self.result.skipped[name] = 'the mask ratio is 0'
        for name in self.result.skipped:
            del self.measures[name]

    def forward(self, images: Tensor, seed: int, mask_ratio: float
                ) -> tuple[dict[str, list[Layer]], PatchMask]:
        """Return the layers of each part, and the mask of the decoder's input."""
        grid, _ = grid_of(self.model, images.shape[-2:])
        mask = PatchMask.random(
            len(images), grid, mask_ratio, images.device, torch.Generator().manual_seed(seed))
        if not mask.len_keep or mask_ratio and mask.len_keep == mask.num_patches:
            raise ConfigError(f'mask_ratio={mask_ratio}: {mask.len_keep} of {grid[0]} x {grid[1]} '
                              'patches stay visible. Choose another ratio.')
        layers = {ENCODER: encoder_layers(self.model, images)}
        if DECODER in self.parts:
            layers[DECODER] = decoder_layers(self.model, images, mask)
        return layers, mask

    def update(self, images: Tensor, seed: int, reference: '_ReferenceBatch | None') -> None:
        """Measure a batch of normalized images."""
        layers_of, mask = self.forward(images, seed, self.mask_ratio)
        if self.cka is not None:
            self.cka.update(reference.tokens, [layer.tokens for layer in layers_of[ENCODER]])
        self.result.grid, patch_size = grid_of(self.model, images.shape[-2:])
        distances = patch_distances(mask.grid, patch_size, images.device)
        for part, layers in layers_of.items():
            measures = {name: measure for name, measure in self.measures.items()
                        if part in measure.parts}
            relations = reference.relations_of(part, layers, mask.grid) if self.pairs else None
            if self.pairs and relations is None:
                for name in self.pairs:
                    self.result.skipped[f'{name}, {part}'] = (
                        'the reference has a different number of layers or patches, or no decoder')
            context = self.contexts[part] = MeasureContext(
                mask.grid, distances, self._partition(part, layers, mask.grid, measures, reference),
                mask if part == DECODER else None)
            values = defaultdict(list)
            for number, layer in enumerate(layers if measures or relations else ()):
                activations = layer.activations()
                for name, measure in measures.items():
                    values[name].append(measure.compute(activations, context))
                for name, measure in self.pairs.items() if relations else ():
                    values[name].append(measure.compute(activations, relations[number]))
            for name, of_layers in values.items():
                self.values[name, part].append(torch.stack(of_layers, dim=1).cpu())

    def _partition(self, part: str, layers: Sequence[Layer], grid: tuple[int, int],
                   measures: Mapping[str, Measure], reference: '_ReferenceBatch | None'
                   ) -> tuple[Tensor, Tensor] | None:
        """Partition of the reference, shared by all models, or of this model if the grids differ.
        """
        needing = [name for name, measure in measures.items() if measure.needs_partition]
        if not needing:
            return None
        partition = reference.partition_of(part, grid)
        if partition is None:
            for name in needing:
                self.result.skipped[f'{name}, {part}, by the groups of the reference'] = (
                    'the reference has a different number of patches, or no decoder; the groups '
                    'of this model are used')
            partition = _partition(layers[-1])
        return partition

    def compute(self) -> ModelMeasures:
        """Means over all batches; NaN values are ignored."""
        for (name, part), batches in self.values.items():
            measure, context = (MEASURES | PAIR_MEASURES)[name], self.contexts[part]
            values = torch.cat(batches).double()
            (mean, error, count), (curve, curve_error, _) = map(
                _over_images, (values, measure.curve(values)))
            if measure.finalize is not None:
                mean, error = measure.finalize(mean, context), None
                curve, curve_error = measure.curve(mean), None
            self.result.layers[name, part] = Estimate(
                mean.numpy(), error, int(count.min()), curve.numpy(), curve_error,
                measure.uniform and measure.uniform(context))
        if self.cka is not None:
            similarity = self.cka.compute()
            if similarity is None:
                self.result.skipped[CKA] = 'no batch has 4 images or more'
            else:
                self.result.cka = similarity.numpy()
        return self.result


def _over_images(values: Tensor) -> tuple[Tensor, np.ndarray, Tensor]:
    """Mean, standard error and number of values that are not NaN, over dimension 0."""
    count, mean = (~values.isnan()).sum(dim=0), values.nanmean(dim=0)
    deviation = (values - mean).square().nansum(dim=0)
    return mean, (deviation / (count * (count - 1))).sqrt().numpy(), count


class _ReferenceBatch:
    """Tokens, relations and partitions of the reference model for one batch."""

    def __init__(self, model: _Accumulator, images: Tensor) -> None:
        # The reference of Eq. 4 sees the intact image, also in its decoder (appendix B).
        layers_of, mask = model.forward(images, seed=0, mask_ratio=0.)
        self.grid = mask.grid
        self.tokens = [layer.tokens for layer in layers_of[ENCODER]]
        self.relations, self.partitions = {}, {}
        if model.pairs:
            self.relations = {
                part: [relation_distributions(layer.activations()) for layer in layers]
                for part, layers in layers_of.items()}
        if any(measure.needs_partition for measure in model.measures.values()):
            self.partitions = {part: _partition(layers[-1]) for part, layers in layers_of.items()}

    def relations_of(self, part: str, layers: Sequence[Layer], grid: tuple[int, int]
                     ) -> list[dict[str, Tensor]] | None:
        """Relations of each layer; None if the number of layers or the grid differs."""
        relations = self.relations.get(part, [])
        return relations if len(relations) == len(layers) and grid == self.grid else None

    def partition_of(self, part: str, grid: tuple[int, int]) -> tuple[Tensor, Tensor] | None:
        """Partition of each image by the last layer (appendix B, "pseudo-ground truth"); None if
        the grids differ."""
        return self.partitions.get(part) if grid == self.grid else None


@torch.no_grad()
def measure_models(models: Mapping[str, nn.Module], batches: Iterable[Mapping[str, Tensor]],
                   measures: Sequence[str], reference: str | None = None, mask_ratio: float = 0.75,
                   seed: int = 0) -> dict[str, ModelMeasures]:
    """Measure several models on the same images.

    Encoders see whole images. Decoders see randomly masked images; the masks differ between batches
    and are the same for all models with the same grid.

    Args:
        models: Name -> model in eval mode: a pretraining model of mmguided, or a classifier with a
            MaskedViT or mmpretrain's VisionTransformer as ``backbone``.
        batches: Model name -> normalized images ``(B, C, H, W)``.
        measures: Keys of :data:`MEASURES` and :data:`PAIR_MEASURES`, and 'cka'.
        reference: Name of the reference of 'cka', the pair measures and the bi-partition gaps;
            if None, the first model.
        mask_ratio: Mask ratio of the decoder's input; 0 masks nothing.
        seed: Seed of the masks.

    Raises:
        ConfigError: If a measure or the reference is unknown, an encoder is not a ViT, or the mask
            ratio leaves no patch or every patch visible.
    """
    known = [*MEASURES, *PAIR_MEASURES, CKA]
    if unknown := [name for name in measures if name not in known]:
        raise ConfigError(f'measures={unknown[0]!r}: unknown. Choose from {", ".join(known)}.')
    reference = next(iter(models)) if reference is None else reference
    if reference not in models:
        raise ConfigError(f'reference={reference!r}: unknown. Choose from {list(models)}.')
    accumulators = {name: _Accumulator(model, measures, mask_ratio)
                    for name, model in models.items()}
    needs_reference = any(name not in MEASURES or MEASURES[name].needs_partition
                          for name in measures)
    for number, batch in enumerate(batches):
        reference_batch = _ReferenceBatch(
            accumulators[reference], batch[reference]) if needs_reference else None
        for name, accumulator in accumulators.items():
            accumulator.update(batch[name], seed + number, reference_batch)
    return {name: accumulator.compute() for name, accumulator in accumulators.items()}
