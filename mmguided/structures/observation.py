"""What guidance and targets ask of an encoder, and what one pass of it answers."""
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from mmguided.utils.errors import ConfigError


@dataclass(frozen=True)
class Wants:
    """What is asked of one pass of an encoder, without gradient.

    Attributes:
        tokens: The encoder's output tokens.
        attention: Layers whose attention from [CLS] to the patches is asked for, each with the
            place of its softmax, see :func:`mmguided.ops.cls_attention_row`:
            ``{(layer, softmax)}``. Layers count from 0, negative ones from the end; None is every
            layer.
        relations: Layers whose attention output before the projection is asked for (Self-guided
            MAE, Eq. 1), counted likewise.
    """
    tokens: bool = False
    attention: frozenset[tuple[int | None, str | None]] = frozenset()
    relations: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        for _, softmax in self.attention:
            if softmax not in ('heads', 'mean', None):
                raise ConfigError(f"softmax={softmax!r}: choose from 'heads', 'mean' and None")

    def __or__(self, other: 'Wants') -> 'Wants':
        return Wants(self.tokens or other.tokens, self.attention | other.attention,
                     self.relations | other.relations)

    def resolve(self, num_layers: int) -> 'Wants':
        """The same with layers counted from 0; IndexError if there is no such layer."""
        attention = {(layer, softmax) for asked, softmax in self.attention
                     for layer in resolve_layers(None if asked is None else [asked], num_layers)}
        return Wants(self.tokens, frozenset(attention),
                     frozenset(resolve_layers(self.relations, num_layers)))


def resolve_layers(layers: Iterable[int] | None, num_layers: int) -> list[int]:
    """Layers in rising order, counted from 0; None is every layer. IndexError if out of range."""
    layers = range(num_layers) if layers is None else list(layers)
    for layer in layers:
        if not -num_layers <= layer < num_layers:
            raise IndexError(f'layer {layer} is out of range: the encoder has {num_layers} layers, '
                             f'choose from {-num_layers}..{num_layers - 1}')
    return sorted({layer % num_layers for layer in layers})


def unite_wants(*wants: Mapping[str, Wants]) -> dict[str, Wants]:
    """For each encoder's name, all that is asked of it."""
    united = {}
    for each in wants:
        for name, asked in each.items():
            united[name] = united.get(name, Wants()) | asked
    return united


@dataclass(frozen=True)
class Observation:
    """What one pass of an encoder answers to :class:`Wants`, on the student's patch grid.

    Attributes:
        num_layers: Depth of the encoder.
        tokens: Output tokens ``(B, 1 + n, D)``, [CLS] first; None if not asked for.
        attention: ``(layer, softmax)`` -> attention from [CLS] to the patches, averaged over heads,
            ``(B, n)`` in float32.
        relations: Layer -> attention output of the patches before the projection, ``(B, n, D)``.
        scores: Of a guidance, made before, ``(B, n)``; they come with the images, and not from an
            encoder.

    ``n`` is the number of patches that the encoder saw: all, in the image's order, or, under a
    mask, its ``ids_keep_at`` that layer.
    """
    num_layers: int
    tokens: Tensor | None = None
    attention: Mapping[tuple[int, str | None], Tensor] = field(default_factory=dict)
    relations: Mapping[int, Tensor] = field(default_factory=dict)
    scores: Tensor | None = None

    def cls_attention(self, layers: Iterable[int] | None, softmax: str | None) -> Tensor:
        """Attention from [CLS] to the patches, ``(len(layers), B, n)`` by rising layer."""
        layers = resolve_layers(layers, self.num_layers)
        return torch.stack([self.attention[layer, softmax] for layer in layers])
