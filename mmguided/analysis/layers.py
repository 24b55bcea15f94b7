"""What each transformer block of a model does with images: the only place that makes attention
maps, apart from the code that trains."""
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from mmpretrain.models import VisionTransformer
from torch import Tensor, nn

from mmguided.models.backbones import DenseViT, Encoder, MaskedViT
from mmguided.ops import split_heads
from mmguided.structures import PatchMask
from mmguided.utils.errors import ConfigError

from .features import cosine_similarity


@dataclass(frozen=True)
class LayerView:
    """A block, seen on a batch; of patches alone.

    Attributes:
        tokens: Output, ``(B, n, D)``.
        relations: Attention output before the projection, ``(B, n, D)`` (Self-guided MAE, Eq. 1).
        attention: Among patches, ``(B, heads, n, n)``, float32: rows sum to 1 without [CLS].
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
        logits = query.float() @ key.float().mT * query.shape[-1]**-0.5
        relations = (logits.softmax(dim=-1) @ value.float()).transpose(1, 2).flatten(2)
        extra = self.num_extra
        return LayerView(self.outputs[:, extra:], relations[:, extra:],
                         logits[..., extra:, extra:].softmax(dim=-1))


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


def check_encoder(model: nn.Module) -> None:
    """Raise ConfigError if a model's encoder is not a ViT whose patches all attend to each
    other."""
    backbone = getattr(model, 'backbone', None)
    # Other encoders of mmpretrain that are made of its ViT, such as its MAE's, mask by themselves.
    is_vit = isinstance(backbone, MaskedViT) or type(backbone) is VisionTransformer
    if not is_vit or isinstance(backbone, DenseViT):
        raise ConfigError(f'backbone.type={type(backbone).__name__} has no blocks whose patches '
                          "all attend to each other: analyze a ViT, such as "
                          "type='mmguided.MaskedViT'")
    if backbone.num_layers - 1 not in backbone.out_indices:
        raise ConfigError(f'backbone.out_indices={list(backbone.out_indices)} leaves out the last '
                          f'of {backbone.num_layers} blocks: set it to -1')


@torch.no_grad()
def encoder_layers(model: nn.Module, images: Tensor) -> list[Layer]:
    """Every block of a model's encoder, which sees all of the images, ``(B, 3, H, W)`` normalized;
    ConfigError as of :func:`check_encoder`."""
    check_encoder(model)
    backbone = model.backbone
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


def grid_of(model: nn.Module, size: tuple[int, int]) -> tuple[tuple[int, int], int]:
    """Patches ``(h, w)`` of an image of ``size`` (height, width) and their side in pixels;
    ConfigError if the encoder would pad the image."""
    backbone = model.backbone
    side = (backbone.patch_size if isinstance(backbone, Encoder) else
            backbone.patch_embed.projection.kernel_size[0])
    if size[0] % side or size[1] % side:
        raise ConfigError(f'backbone.img_size={size}: patches of {side} pixels do not divide it; '
                          'set it to multiples')
    return (size[0] // side, size[1] // side), side


def relation_distributions(view: LayerView) -> dict[str, Tensor]:
    """Rows that sum to 1, ``(B, n, n)``: 'attention', a mean over heads, and 'similarity', the
    softmax of the cosines of the token relations, see :func:`mmguided.analysis.relation_kl`."""
    return dict(attention=view.attention.mean(dim=1),
                similarity=cosine_similarity(view.relations).softmax(dim=-1))
