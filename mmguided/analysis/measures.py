"""All measures of the layers of models, from one stream of batches."""
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
    patch_distances,
    reversed_attention,
)
from .cka import MinibatchCKA
from .exploitation import exploitation_rates
from .features import (
    cosine_similarity,
    feature_variance,
    relative_log_amplitude,
    similarity_variance,
)
from .layers import (
    Layer,
    LayerView,
    check_encoder,
    decoder_layers,
    encoder_layers,
    grid_of,
    has_decoder,
    relation_distributions,
)
from .relations import intra_and_inter, relation_kl

ENCODER, DECODER = 'encoder', 'decoder'


@dataclass(frozen=True)
class Scene:
    """What a measure needs to know beside a layer.

    Attributes:
        grid: Patches ``(h, w)``.
        distances: Between them, see :func:`patch_distances`.
        cut: The two sides of each image by the similarities of the last layer, ``(B, n)`` bool, and
            whether there are two, ``(B, )`` bool; None if no measure reads it.
        mask: What the encoder has not seen; None if it has seen all.
    """
    grid: tuple[int, int]
    distances: Tensor
    cut: tuple[Tensor, Tensor] | None
    mask: PatchMask | None


@dataclass(frozen=True)
class Measure:
    """One value, or several, of each layer and image.

    Attributes:
        title: Its name in figures and reports.
        of: From a layer and a :class:`Scene` to ``(B, ...)``; of pair measures, from a layer and
            the :func:`relation_distributions` of the reference's.
        label: Of its axis in figures, with the unit.
        meaning: What it says, for the report.
        entries: What the entries of an image are, such as 'head'; '' for one value.
        parts: In which parts of a model it is measured.
        reads_cut: Whether it reads :attr:`Scene.cut`.
        reads_mask: Whether it has no meaning where nothing is masked.
        finish: From the mean over images of all layers, ``(layers, ...)``, to what is reported;
            None reports the mean.
        curve: From what is reported, ``(layers, ...)``, to one value a layer for figures.
    """
    title: str
    of: Callable[[LayerView, Scene], Tensor]
    label: str
    meaning: str
    entries: str = ''
    parts: tuple[str, ...] = (ENCODER, DECODER)
    reads_cut: bool = False
    reads_mask: bool = False
    finish: Callable[[Tensor, Scene], Tensor] | None = None
    curve: Callable[[np.ndarray], np.ndarray] = lambda values: values


def _mean_of_entries(values: np.ndarray) -> np.ndarray:
    return values.mean(axis=1)


def _gap(values: np.ndarray) -> np.ndarray:
    return values[:, 0] - values[:, 1]


def _last_entry(values: np.ndarray) -> np.ndarray:
    return values[:, -1]


def _sides(weights: Tensor, scene: Scene) -> Tensor:
    side, valid = scene.cut
    return torch.where(valid.unsqueeze(1), intra_and_inter(weights, side), torch.nan)


def _cut(last: Layer) -> tuple[Tensor, Tensor]:
    cut = normalized_cut(cosine_similarity(last.view().relations))
    return cut.side, cut.valid


def _group_attention(view: LayerView, scene: Scene) -> Tensor:
    """r of Eq. 5, ``(B, 2, 2)``, see :func:`exploitation_rates`."""
    groups = scene.mask.groups
    return mean_by_group(view.attention.mean(dim=1) @ groups, groups)


def _exploitation(mean: Tensor, scene: Scene) -> Tensor:
    return exploitation_rates(mean, scene.mask.mask[0].mean().item())


MEASURES: Mapping[str, Measure] = {
    'attention_distance': Measure(
        'Attention distance',
        lambda view, scene: attention_distance(view.attention, scene.distances),
        'attention distance, px',
        'Distance between a patch and the patches that it attends to, weighted by the attention. '
        'Low: local.', 'head', curve=_mean_of_entries),
    'attention_entropy': Measure(
        'Attention entropy',
        lambda view, scene: attention_entropy(view.attention),
        'attention entropy, nats',
        'Over how many patches a patch spreads its attention. Low: on few.', 'head',
        curve=_mean_of_entries),
    'attention_nmi': Measure(
        'NMI of attention',
        lambda view, scene: attention_nmi(view.attention),
        'NMI of query and key positions',
        'How much the attention depends on the patch that attends. 0: all attend alike.', 'head',
        curve=_mean_of_entries),
    'reversed_attention_distance': Measure(
        'Distance of reversed attention',
        lambda view, scene: attention_distance(
            reversed_attention(view.attention), scene.distances),
        'distance to receivers, px',
        'Distance to the other patches that attend to a patch, weighted by their attention: how '
        'far what a patch holds is sent.', 'head', curve=_mean_of_entries),
    'feature_variance': Measure(
        'Feature variance',
        lambda view, scene: feature_variance(view.relations),
        r'feature variance $\sigma_F$',
        "How widely the directions of an image's patches spread, in the attention output."),
    'similarity_variance': Measure(
        'Similarity variance',
        lambda view, scene: similarity_variance(cosine_similarity(view.relations)),
        r'similarity variance $\sigma_S$',
        'How much the cosines of pairs of patches differ. High: patches form clusters.'),
    'similarity_gap': Measure(
        'Bi-partition gap of similarities',
        lambda view, scene: _sides(cosine_similarity(view.relations), scene),
        r'$\mu_{intra} - \mu_{inter}$ of similarities',
        'Patches are cut into two groups by their similarity in the last layer of the reference: '
        'how much more similar they are within a group than between the groups.', 'intra, inter',
        reads_cut=True, curve=_gap),
    'attention_gap': Measure(
        'Bi-partition gap of attention',
        lambda view, scene: _sides(view.attention.mean(dim=1), scene),
        r'$\mu_{intra} - \mu_{inter}$ of attention',
        'The same of attention; its rows sum to 1.', 'intra, inter', reads_cut=True, curve=_gap),
    'relative_log_amplitude': Measure(
        'Fourier: relative log amplitude',
        lambda view, scene: relative_log_amplitude(view.tokens, scene.grid),
        'relative log amplitude',
        'Amplitude of the frequencies of the feature map, relative to its mean; in figures of '
        'layers at the highest frequency. High: detail. Low: overall shape.', 'frequency',
        curve=_last_entry),
    'mask_token_variance': Measure(
        'Mask token variance',
        lambda view, scene: feature_variance(gather_tokens(view.tokens, scene.mask.ids_mask)),
        r'feature variance $\sigma_F$ of mask tokens',
        'How widely the directions of the mask tokens spread, as the blocks give them.',
        parts=(DECODER, ), reads_mask=True),
    'exploitation': Measure(
        'Exploitation rate', _group_attention, 'share of mask tokens',
        'How much of all tokens comes from mask tokens, rather than visible ones, by the attention '
        'of this and all earlier layers of the decoder, from mean attentions of all images.',
        'visible, mask', parts=(DECODER, ), reads_mask=True, finish=_exploitation,
        curve=_last_entry),
}

# Against a reference model.
PAIR_MEASURES: Mapping[str, Measure] = {
    f'{kind}_kl': Measure(
        f'KL of {kind}',
        lambda view, reference, kind=kind: relation_kl(
            relation_distributions(view)[kind], reference[kind]),
        f'KL of {kind}, nats',
        f'How far the {kind} of patches is from that of the reference, on average. The decoder of '
        'the reference sees all patches, the others the mask, so that a decoder has a distance to '
        'itself.')
    for kind in ('attention', 'similarity')}
CKA = 'cka'


@dataclass
class Estimate:
    """A mean over images.

    Attributes:
        mean: ``(layers, ...)``.
        standard_error: Of the mean, of the same shape; NaN of one image. None for what is computed
            from means, see :attr:`Measure.finish`.
        num_images: Least number of images that have a value.
    """
    mean: np.ndarray
    standard_error: np.ndarray | None
    num_images: int


@dataclass
class _Sums:
    """Of values of images that come in batches, on the CPU; NaN are left out."""
    count: Tensor | float = 0.
    total: Tensor | float = 0.
    squares: Tensor | float = 0.

    def update(self, values: Tensor) -> None:
        values = values.cpu().double()
        known = ~values.isnan()
        values = torch.where(known, values, 0)
        self.count = self.count + known.sum(dim=0)
        self.total = self.total + values.sum(dim=0)
        self.squares = self.squares + values.square().sum(dim=0)

    @property
    def mean(self) -> Tensor:
        return self.total / self.count

    @property
    def standard_error(self) -> Tensor:
        variance = (self.squares / self.count - self.mean.square()).clamp(min=0)
        error = (variance / (self.count - 1).clamp(min=1)).sqrt()
        return torch.where(self.count > 1, error, torch.nan)


@dataclass
class ModelMeasures:
    """What was measured of one model.

    Attributes:
        layers: ``(measure, part)`` -> :class:`Estimate`.
        cka: ``(layers of the reference, layers of the model)`` of the encoders; None if not asked
            for.
        grid: Patches ``(h, w)``.
        left_out: Measures that do not fit the model, and why.
    """
    layers: dict[tuple[str, str], Estimate] = field(default_factory=dict)
    cka: np.ndarray | None = None
    grid: tuple[int, int] = (0, 0)
    left_out: dict[str, str] = field(default_factory=dict)


class _ModelRun:
    """Collects the measures of one model."""

    def __init__(self, model: nn.Module, measures: Sequence[str], mask_ratio: float) -> None:
        check_encoder(model)
        self.model = model
        self.mask_ratio = mask_ratio
        self.measures = {name: MEASURES[name] for name in measures if name in MEASURES}
        self.pairs = {name: PAIR_MEASURES[name] for name in measures if name in PAIR_MEASURES}
        self.cka = MinibatchCKA() if CKA in measures else None
        self.parts = [ENCODER, DECODER] if has_decoder(model) else [ENCODER]
        self.result = ModelMeasures()
        self.sums: dict[tuple[str, str], list[_Sums]] = {}
        self.scene: dict[str, Scene] = {}
        for name, measure in self.measures.items():
            if not set(measure.parts) & set(self.parts):
                self.result.left_out[name] = 'no decoder whose patches attend to each other'
            elif measure.reads_mask and not mask_ratio:
                self.result.left_out[name] = 'the mask ratio is 0'
        for name in self.result.left_out:
            del self.measures[name]

    def read(self, images: Tensor, seed: int, mask_ratio: float
             ) -> tuple[dict[str, list[Layer]], PatchMask]:
        """All layers, and the mask of the decoder's input."""
        grid, _ = grid_of(self.model, images.shape[-2:])
        mask = PatchMask.random(
            len(images), grid, mask_ratio, images.device, torch.Generator().manual_seed(seed))
        if not mask.len_keep or mask_ratio and mask.len_keep == mask.num_patches:
            raise ConfigError(f'mask_ratio={mask_ratio} on {grid[0]} x {grid[1]} patches keeps '
                              f'{mask.len_keep} of them visible: choose another')
        layers = {ENCODER: encoder_layers(self.model, images)}
        if DECODER in self.parts:
            layers[DECODER] = decoder_layers(self.model, images, mask)
        return layers, mask

    def update(self, images: Tensor, seed: int, reference: '_Reference | None') -> None:
        """Measure a batch."""
        all_layers, mask = self.read(images, seed, self.mask_ratio)
        if self.cka is not None:
            self.cka.update(reference.tokens, [
                layer.outputs[:, layer.num_extra:] for layer in all_layers[ENCODER]])
        self.result.grid, patch_size = grid_of(self.model, images.shape[-2:])
        distances = patch_distances(mask.grid, patch_size, images.device)
        for part, layers in all_layers.items():
            asked = {name: measure for name, measure in self.measures.items()
                     if part in measure.parts}
            against = reference.relations_of(part, layers, mask.grid) if self.pairs else None
            if self.pairs and against is None:
                for name in self.pairs:
                    self.result.left_out[f'{name}, {part}'] = (
                        'the reference has another number of layers or patches, or none')
            if not asked and against is None:
                continue
            scene = self.scene[part] = Scene(
                mask.grid, distances, self._cut(part, layers, mask.grid, asked, reference),
                mask if part == DECODER else None)
            for number, layer in enumerate(layers):
                view = layer.view()
                for name, measure in asked.items():
                    self._add(name, part, number, measure.of(view, scene))
                for name, measure in self.pairs.items() if against else ():
                    self._add(name, part, number, measure.of(view, against[number]))

    def _cut(self, part: str, layers: Sequence[Layer], grid: tuple[int, int],
             asked: Mapping[str, Measure], reference: '_Reference | None'
             ) -> tuple[Tensor, Tensor] | None:
        """That of the reference, which is the same for all models, or else the model's own."""
        reading = [name for name, measure in asked.items() if measure.reads_cut]
        if not reading:
            return None
        cut = reference.cut_of(part, grid)
        if cut is None:
            for name in reading:
                self.result.left_out[f'{name}, {part}, by the groups of the reference'] = (
                    "the reference has another number of patches, or no decoder: the model's own "
                    'groups are measured')
            cut = _cut(layers[-1])
        return cut

    def _add(self, name: str, part: str, number: int, values: Tensor) -> None:
        sums = self.sums.setdefault((name, part), [])
        if number == len(sums):
            sums.append(_Sums())
        sums[number].update(values)

    def finish(self) -> ModelMeasures:
        """Means over all batches."""
        for (name, part), sums in self.sums.items():
            measure = self.measures.get(name) or self.pairs[name]
            mean = torch.stack([each.mean for each in sums])
            error = torch.stack([each.standard_error for each in sums]).numpy()
            if measure.finish is not None:
                mean, error = measure.finish(mean, self.scene[part]), None
            self.result.layers[name, part] = Estimate(
                mean.numpy(), error, min(int(each.count.min()) for each in sums))
        if self.cka is not None:
            similarity = self.cka.compute()
            if similarity is None:
                self.result.left_out[CKA] = 'no batch has 4 images or more'
            else:
                self.result.cka = similarity.numpy()
        return self.result


class _Reference:
    """What pairs of models need of the reference, of one batch."""

    def __init__(self, run: _ModelRun, images: Tensor) -> None:
        # Eq. 4's reference sees the intact image, in its decoder too (appendix B).
        layers, mask = run.read(images, seed=0, mask_ratio=0.)
        self.grid = mask.grid
        self.tokens = [layer.outputs[:, layer.num_extra:] for layer in layers[ENCODER]]
        self.relations, self.cuts = {}, {}
        if run.pairs:
            self.relations = {part: [relation_distributions(layer.view()) for layer in of_part]
                              for part, of_part in layers.items()}
        if any(measure.reads_cut for measure in run.measures.values()):
            self.cuts = {part: _cut(of_part[-1]) for part, of_part in layers.items()}

    def relations_of(self, part: str, layers: Sequence[Layer], grid: tuple[int, int]
                     ) -> list[dict[str, Tensor]] | None:
        """Relations of each layer; None if they do not fit those of ``layers``."""
        relations = self.relations.get(part, [])
        return relations if len(relations) == len(layers) and grid == self.grid else None

    def cut_of(self, part: str, grid: tuple[int, int]) -> tuple[Tensor, Tensor] | None:
        """Two groups of the patches of each image, by its last layer (appendix B, "pseudo-ground
        truth"); None if there are none for this grid."""
        return self.cuts.get(part) if grid == self.grid else None


@torch.no_grad()
def measure_models(models: Mapping[str, nn.Module],
                   batches: Iterable[Mapping[str, Tensor]],
                   measures: Sequence[str],
                   reference: str | None = None,
                   mask_ratio: float = 0.75,
                   seed: int = 0) -> dict[str, ModelMeasures]:
    """Measure models on the same images.

    The encoder sees all of an image, the decoder what a random mask leaves, the same for all models
    of one grid; it depends on the batches.

    Args:
        models: By name, in evaluation mode: pretraining models of ours, or classifiers, with a
            MaskedViT or mmpretrain's VisionTransformer as ``backbone``.
        batches: Images of each model, normalized, ``(B, 3, H, W)`` by its name.
        measures: Keys of :data:`MEASURES` and :data:`PAIR_MEASURES`, and 'cka'.
        reference: Name of the model that 'cka' and the pair measures compare with, and whose groups
            the bi-partition gaps are of; None takes the first.
        mask_ratio: Of the decoder's input; 0 shows it everything.
        seed: Of the masks.

    Raises:
        ConfigError: If a measure or the reference is unknown, an encoder is not a ViT, or the mask
            ratio leaves nothing visible.
    """
    known = [*MEASURES, *PAIR_MEASURES, CKA]
    if unknown := [name for name in measures if name not in known]:
        raise ConfigError(f'measures: {unknown[0]!r} is unknown; choose from {", ".join(known)}')
    reference = next(iter(models)) if reference is None else reference
    if reference not in models:
        raise ConfigError(f'reference={reference!r}: choose from {list(models)}')
    runs = {name: _ModelRun(model, measures, mask_ratio) for name, model in models.items()}
    against = [name for name in measures
               if name not in MEASURES or MEASURES[name].reads_cut]
    for number, batch in enumerate(batches):
        seen = _Reference(runs[reference], batch[reference]) if against else None
        for name, run in runs.items():
            run.update(batch[name], seed + number, seen)
    return {name: run.finish() for name, run in runs.items()}
