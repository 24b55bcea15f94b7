"""Activations of transformer blocks, including attention maps, which training never materializes.
"""
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from mmpretrain.models import VisionTransformer
from torch import Tensor, nn

from mmguided.models.backbones import DenseViT, Encoder, MaskedViT
from mmguided.ops import split_heads
from mmguided.structures import PatchMask
from mmguided.utils.errors import ConfigError

from .attention import reversed_attention
from .features import cosine_similarity


@dataclass(frozen=True)
class LayerActivations:
    """Activations of a block for a batch, patches only.

    Attributes:
        tokens: Output, ``(B, n, D)``.
        relations: Attention output before the projection, ``(B, n, D)`` (Self-guided MAE, Eq. 1).
        attention: Attention between patches, ``(B, heads, n, n)``, float32; rows are normalized to
            a sum of 1 without [CLS].
    """
    tokens: Tensor
    relations: Tensor
    attention: Tensor


@dataclass(frozen=True)
class Layer:
    """Inputs and outputs of a block. Unlike :meth:`activations`, they are small enough to keep for
    all layers.

    Attributes:
        block: mmpretrain's TransformerEncoderLayer.
        inputs, outputs: ``(B, num_extra + n, D)``.
        num_extra: Number of tokens before the patches, such as [CLS].
    """
    block: nn.Module
    inputs: Tensor
    outputs: Tensor
    num_extra: int

    @property
    def tokens(self) -> Tensor:
        """Output patch tokens, ``(B, n, D)``."""
        return self.outputs[:, self.num_extra:]

    def _heads(self) -> tuple[Tensor, Tensor, Tensor]:
        attn = self.block.attn
        return split_heads(attn.qkv(self.block.ln1(self.inputs)), attn.num_heads, attn.head_dims)

    @torch.no_grad()
    def cls_attention(self) -> Tensor:
        """[CLS]-to-patch attention of each head, ``(B, heads, n)``, float32. A row sums to 1 minus
        the attention of [CLS] to itself."""
        query, key, _ = self._heads()
        logits = query[:, :, :1].float() @ key.float().mT * query.shape[-1]**-0.5
        return logits.softmax(dim=-1)[:, :, 0, self.num_extra:]

    @torch.no_grad()
    def activations(self) -> LayerActivations:
        """Compute the attention map and the relations."""
        extra = self.num_extra
        query, key, value = self._heads()
        logits = query.float() @ key.float().mT * query.shape[-1]**-0.5
        relations = (logits.softmax(dim=-1) @ value.float()).transpose(1, 2).flatten(2)
        return LayerActivations(self.tokens, relations[:, extra:],
                                logits[..., extra:, extra:].softmax(dim=-1))


@contextmanager
def _recorded(blocks: Sequence[nn.Module], num_extra: int) -> Iterator[list[Layer]]:
    """Record the blocks that run within the context, in execution order."""
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
    """Raise ConfigError unless a model's encoder is a ViT with global attention that returns the
    output of its last block."""
    backbone = getattr(model, 'backbone', None)
    # Some subclasses of mmpretrain's ViT, such as its MAE encoder, mask images in ``forward``.
    is_vit = isinstance(backbone, MaskedViT) or (
        getattr(type(backbone), 'forward', None) is VisionTransformer.forward)
    if not is_vit or isinstance(backbone, DenseViT):
        raise ConfigError(f'backbone.type={type(backbone).__name__}: no global attention between '
                          "patches. Analyze a ViT such as type='mmguided.MaskedViT'.")
    if backbone.num_layers - 1 not in backbone.out_indices:
        raise ConfigError(f'backbone.out_indices={list(backbone.out_indices)}: the last of '
                          f'{backbone.num_layers} blocks is missing. Set out_indices=-1.')


def check_encoders(models: Mapping[str, nn.Module]) -> None:
    """Run :func:`check_encoder` for models that read the same images; raise ConfigError, too, if
    they take images of different channels."""
    for model in models.values():
        check_encoder(model)
    channels = {name: getattr(model.backbone, 'in_channels', 3) for name, model in models.items()}
    if len({*channels.values()}) > 1:
        raise ConfigError(f'checkpoint: the models take images of {channels} channels. Give models '
                          'of equal channels.')


@torch.no_grad()
def encoder_layers(model: nn.Module, images: Tensor, mask: PatchMask | None = None) -> list[Layer]:
    """Layers of a model's encoder for normalized images ``(B, C, H, W)``.

    Args:
        mask: Mask of the images for a :class:`mmguided.models.MaskedViT`; layer i sees the patches
            ``mask.ids_keep_at(i)``, in this order. Without a mask, all layers see all patches.

    Raises:
        ConfigError: See :func:`check_encoder`.
    """
    check_encoder(model)
    backbone = model.backbone
    with _recorded(backbone.layers, backbone.num_extra_tokens) as layers:
        backbone(images) if mask is None else backbone(images, mask)
    return layers


def attention_before_last_shot(model: nn.Module, images: Tensor, mask: PatchMask
                               ) -> tuple[Tensor, Tensor]:
    """Reversed attention of the patches that the last shot of ``mask`` masks, in the last layer
    that sees them, averaged over heads (Conditional MAE Fig. 6).

    Models that were trained with a single shot can be measured too, because the last shot has not
    yet been applied in that layer.

    Args:
        images: Normalized, ``(B, C, H, W)``.
        mask: At least two shots.

    Returns:
        Share of each other visible patch in the attention to each patch of the last shot,
        ``(B, s, L)``, NaN for masked patches and the patch itself; and these patches, ``(B, s)``.
    """
    number = mask.shots[-1][0] - 1
    layer = encoder_layers(model, images, mask)[number]
    present = mask.ids_keep_at(number)
    received = reversed_attention(layer.activations().attention.mean(dim=1))
    received, patches = received[:, mask.len_keep:], present[:, mask.len_keep:]
    shares = received.new_full((*received.shape[:2], mask.num_patches), torch.nan)
    shares.scatter_(2, present.unsqueeze(1).expand_as(received), received)
    return shares.scatter_(2, patches.unsqueeze(2), torch.nan), patches


def has_decoder(model: nn.Module) -> bool:
    """Return whether a model has a decoder of transformer blocks for :func:`decoder_layers`."""
    return getattr(getattr(model, 'neck', None), 'has_attention', False)


@torch.no_grad()
def decoder_layers(model: nn.Module, images: Tensor, mask: PatchMask) -> list[Layer]:
    """Layers of a model's decoder for images that are masked by ``mask``."""
    with _recorded(model.neck.decoder_blocks, num_extra=1) as layers:
        model.neck(model.backbone(images, mask), mask)
    return layers


def grid_of(model: nn.Module, size: tuple[int, int]) -> tuple[tuple[int, int], int]:
    """Patch grid ``(h, w)`` of an image of ``size`` (height, width), and patch size in pixels.

    Raises:
        ConfigError: If the patch size does not divide the image size.
    """
    backbone = model.backbone
    side = (backbone.patch_size if isinstance(backbone, Encoder) else
            backbone.patch_embed.projection.kernel_size[0])
    if size[0] % side or size[1] % side:
        raise ConfigError(f'backbone.img_size={size}: not divisible by the patch size {side}. Set '
                          f'multiples of {side}.')
    return (size[0] // side, size[1] // side), side


def relation_distributions(activations: LayerActivations) -> dict[str, Tensor]:
    """Token relations with rows that sum to 1, ``(B, n, n)``: 'attention', averaged over heads, and
    'similarity', the softmax of the cosines. See :func:`mmguided.analysis.relation_kl`."""
    return dict(attention=activations.attention.mean(dim=1),
                similarity=cosine_similarity(activations.relations).softmax(dim=-1))
