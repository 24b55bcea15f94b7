"""Encoder observations: requests by guidance and targets, and their results."""
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from mmguided.utils.errors import ConfigError


@dataclass(frozen=True)
class Wants:
    """Requested outputs of one encoder forward without gradient.

    Attributes:
        tokens: Request the output tokens.
        attention: Requested [CLS]-to-patch attention, ``{(layer, softmax)}``; see
            :func:`mmguided.ops.cls_attention_row` for ``softmax``. Layers are counted from 0,
            negative indices from the end; None means all layers.
        relations: Layers whose attention output before the projection is requested (Self-guided
            MAE, Eq. 1), indexed in the same way.
        pixels: Request the pixels of the images; only the encoder 'image' provides them.
    """
    tokens: bool = False
    attention: frozenset[tuple[int | None, str | None]] = frozenset()
    relations: frozenset[int] = frozenset()
    pixels: bool = False

    def __post_init__(self) -> None:
        for _, softmax in self.attention:
            if softmax not in ('heads', 'mean', None):
                raise ConfigError(
                    f"guidance.softmax={softmax!r}: unknown. Choose 'heads', 'mean' or None.")

    def __or__(self, other: 'Wants') -> 'Wants':
        return Wants(self.tokens or other.tokens, self.attention | other.attention,
                     self.relations | other.relations, self.pixels or other.pixels)

    def resolve(self, num_layers: int) -> 'Wants':
        """Resolve layers to indices from 0; raise IndexError if one is out of range."""
        attention = {(layer, softmax) for asked, softmax in self.attention
                     for layer in resolve_layers(None if asked is None else [asked], num_layers)}
        return Wants(self.tokens, frozenset(attention),
                     frozenset(resolve_layers(self.relations, num_layers)), self.pixels)


def resolve_layers(layers: Iterable[int] | None, num_layers: int) -> list[int]:
    """Sorted layer indices from 0; None means all layers. Raise IndexError if out of range."""
    layers = range(num_layers) if layers is None else list(layers)
    for layer in layers:
        if not -num_layers <= layer < num_layers:
            raise IndexError(f'layer {layer} is out of range because the encoder has {num_layers} '
                             f'layers. Choose from {-num_layers}..{num_layers - 1}.')
    return sorted({layer % num_layers for layer in layers})


def unite_wants(*wants: Mapping[str, Wants]) -> dict[str, Wants]:
    """Merge the requests for each encoder."""
    united = {}
    for each in wants:
        for name, asked in each.items():
            united[name] = united.get(name, Wants()) | asked
    return united


@dataclass(frozen=True)
class Observation:
    """Outputs of one encoder forward requested by :class:`Wants`, on the student's patch grid.

    ``n`` is the number of patches in the encoder. These are all patches in the image's order or,
    with a mask, the patches ``mask.ids_keep_at(layer)``.

    Attributes:
        num_layers: Depth of the encoder.
        tokens: Output tokens ``(B, 1 + n, D)``, [CLS] first; None if not requested.
        attention: ``(layer, softmax)`` -> [CLS]-to-patch attention averaged over heads, ``(B, n)``,
            float32.
        relations: Layer -> attention output of the patches before the projection, ``(B, n, D)``.
        pixels: Pixels of each patch in row-major order, ``(B, n, patch_size**2, C)``, before
            normalization.
        scores: Guidance scores ``(B, variants * n)``, loaded with the images.
    """
    num_layers: int
    tokens: Tensor | None = None
    attention: Mapping[tuple[int, str | None], Tensor] = field(default_factory=dict)
    relations: Mapping[int, Tensor] = field(default_factory=dict)
    pixels: Tensor | None = None
    scores: Tensor | None = None

    def cls_attention(self, layers: Iterable[int] | None, softmax: str | None) -> Tensor:
        """[CLS]-to-patch attention, ``(len(layers), B, n)`` in ascending layer order."""
        layers = resolve_layers(layers, self.num_layers)
        return torch.stack([self.attention[layer, softmax] for layer in layers])
