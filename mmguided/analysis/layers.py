"""What each transformer block of a model does with images: the only place that makes attention
maps, apart from the code that trains."""
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from mmpretrain.models import VisionTransformer
from torch import Tensor, nn

from mmguided.models.backbones import MaskedViT
from mmguided.ops import split_heads
from mmguided.structures import PatchMask
from mmguided.utils.errors import ConfigError

from .attention import among_patches
from .features import cosine_similarity


@dataclass(frozen=True)
class LayerView:
    """A block, seen on a batch; of patches alone.

    Attributes:
        tokens: Output, ``(B, n, D)``.
        relations: Attention output before the projection, ``(B, n, D)`` (Self-guided MAE, Eq. 1).
        attention: ``(B, heads, n, n)``, float32, see :func:`among_patches`.
    """
    tokens: Tensor
    relations: Tensor
    attention: Tensor


@dataclass(frozen=True)
class Layer:
    """What goes into a block and comes out; small enough to keep, unlike its :meth:`view`.

    Attributes:
        block: mmpretrain's TransformerEncoderLayer.
        inputs, outputs: ``(B, num_extra + n, D)``.
        num_extra: Tokens before those of the patches, such as [CLS].
    """
    block: nn.Module
    inputs: Tensor
    outputs: Tensor
    num_extra: int

    @torch.no_grad()
    def view(self) -> LayerView:
        """Makes the attention map."""
        attn = self.block.attn
        query, key, value = split_heads(
            attn.qkv(self.block.ln1(self.inputs)), attn.num_heads, attn.head_dims)
        attention = (query.float() @ key.float().mT * query.shape[-1]**-0.5).softmax(dim=-1)
        relations = (attention @ value.float()).transpose(1, 2).flatten(2)
        return LayerView(self.outputs[:, self.num_extra:], relations[:, self.num_extra:],
                         among_patches(attention, self.num_extra))


@contextmanager
def _recorded(blocks: Sequence[nn.Module], num_extra: int) -> Iterator[list[Layer]]:
    """The layers that run within, in their order."""
    layers = []

    def record(block: nn.Module, inputs: tuple[Tensor, ...], outputs: Tensor) -> None:
        layers.append(Layer(block, inputs[0], outputs, num_extra))

    hooks = [block.register_forward_hook(record) for block in blocks]
    try:
        yield layers
    finally:
        for hook in hooks:
            hook.remove()


@torch.no_grad()
def encoder_layers(model: nn.Module, images: Tensor) -> list[Layer]:
    """Every block of a model's encoder, which sees all of the images, ``(B, 3, H, W)``
    normalized."""
    backbone = model.backbone
    # Other encoders of mmpretrain that are made of it, such as its MAE's, mask by themselves.
    if not isinstance(backbone, MaskedViT) and type(backbone) is not VisionTransformer:
        raise ConfigError(f'backbone.type={type(backbone).__name__} has no blocks whose patches '
                          "all attend to each other: analyze a ViT, such as "
                          "type='mmguided.MaskedViT'")
    with _recorded(backbone.layers, backbone.num_extra_tokens) as layers:
        backbone(images)
    return layers


def has_decoder(model: nn.Module) -> bool:
    """Whether a model has a decoder of transformer blocks for :func:`decoder_layers`."""
    return getattr(getattr(model, 'neck', None), 'has_attention', False)


@torch.no_grad()
def decoder_layers(model: nn.Module, images: Tensor, mask: PatchMask) -> list[Layer]:
    """Every block of a decoder, which rebuilds images of which the encoder sees what ``mask``
    leaves."""
    with _recorded(model.neck.decoder_blocks, num_extra=1) as layers:
        model.neck(model.backbone(images, mask), mask)
    return layers


def grid_of(images: Tensor, num_patches: int) -> tuple[tuple[int, int], int]:
    """Grid ``(h, w)`` of square patches and their side in pixels, of images ``(..., H, W)``."""
    height, width = images.shape[-2:]
    side = math.isqrt(height * width // num_patches)
    return (height // side, width // side), side


def relation_distributions(view: LayerView) -> dict[str, Tensor]:
    """Rows that sum to 1, ``(B, n, n)``: 'attention', a mean over heads, and 'similarity', the
    softmax of the cosines of the token relations, see :func:`mmguided.analysis.relation_kl`."""
    return dict(attention=view.attention.mean(dim=1),
                similarity=cosine_similarity(view.relations).softmax(dim=-1))
