"""ViT encoder that runs on a subset of the patches and tells its attention."""
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmpretrain.models import VisionTransformer
from mmpretrain.models.utils import resize_pos_embed
from torch import Tensor, nn

from mmguided.ops import cls_attention_row, gather_tokens, sincos_position_embedding
from mmguided.registry import MODELS
from mmguided.utils.checkpoints import pretrained_settings
from mmguided.utils.errors import ConfigError

from ..mask_generators import PatchMask
from ..utils import init_transformer_weights, load_encoder


def _arch(dim: int, depth: int, heads: int) -> dict:
    return dict(
        embed_dims=dim, num_layers=depth, num_heads=heads, feedforward_channels=4 * dim)


@MODELS.register_module()
class MaskedViT(VisionTransformer):
    """mmpretrain's VisionTransformer, with masking, guidance and fixed positions added.

    Parameters have mmpretrain's names, so that a checkpoint's ``backbone.*`` loads into
    ``VisionTransformer`` there and in mmdet and mmseg. Without a mask, :meth:`forward` is
    VisionTransformer's, ``out_type`` and ``out_indices`` included. An ``init_cfg`` of type
    ``Pretrained`` loads strictly: a wrong or partial checkpoint is an error.

    Args:
        arch: 'tiny', 'small', 'base', 'large', 'huge' (as in MAE and DeiT; not mmpretrain's
            'small', which is 768 wide), or a dict of VisionTransformer's.
        img_size: Usual input, a side or ``(height, width)``.
        patch_size: Side of a patch in pixels; must divide the sides of every input.
        out_type: Output of :meth:`forward` without a mask.
        **kwargs: The other arguments of VisionTransformer; ``with_cls_token`` must stay True.

    Attributes:
        patches_are_independent: Whether what :meth:`embed` gives for a patch depends on that patch
            alone, so that one call of it may serve several masks.

    Raises:
        ConfigError: If the patch size does not divide the image size, the arch is unknown, or the
            [CLS] token is switched off.
    """
    patches_are_independent = True
    _patch_option = 'backbone.patch_size'
    arch_zoo = dict(
        tiny=_arch(192, 12, 3),
        small=_arch(384, 12, 6),
        base=_arch(768, 12, 12),
        large=_arch(1024, 24, 16),
        huge=_arch(1280, 32, 16))

    def __init__(self,
                 arch: str | dict = 'base',
                 img_size: int | tuple[int, int] = 224,
                 patch_size: int = 16,
                 out_type: str = 'raw',
                 **kwargs) -> None:
        arch = self._arch_settings(arch)
        if not kwargs.get('with_cls_token', True):
            raise ConfigError('backbone.with_cls_token=False: masking and guidance need [CLS]; '
                              "use type='VisionTransformer' for an encoder without")
        self.patch_size = patch_size
        self._check_size(*(img_size if isinstance(img_size, Sequence) else (img_size, img_size)))
        super().__init__(
            arch=arch, img_size=img_size, patch_size=patch_size, out_type=out_type, **kwargs)

    @classmethod
    def _arch_settings(cls, arch: str | dict) -> dict:
        if isinstance(arch, dict):
            return arch
        if arch not in cls.arch_zoo:
            raise ConfigError(f"backbone.arch='{arch}' is unknown: choose from "
                              f'{list(cls.arch_zoo)} or give a dict')
        return cls.arch_zoo[arch]

    def _check_size(self, height: int, width: int) -> None:
        if height % self.patch_size or width % self.patch_size:
            raise ConfigError(
                f'patch_size={self.patch_size} does not divide the image of {height} x {width} '
                f'(height x width): change {self._patch_option}, or img_size and the crop of '
                'the pipeline')

    def init_weights(self) -> None:
        """MAE's initialisation, or the checkpoint of ``init_cfg``, strictly."""
        if settings := pretrained_settings(self.init_cfg):
            load_encoder(self, settings)
            return
        super().init_weights()
        init_transformer_weights(self)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.xavier_uniform_(module.weight.view(module.out_channels, -1))
        nn.init.normal_(self.cls_token, std=.02)
        self.pos_embed.data.copy_(sincos_position_embedding(self.patch_resolution, self.embed_dims))

    def _freeze_stages(self) -> None:
        if self.frozen_stages > self.num_layers:
            raise ConfigError(f'backbone.frozen_stages={self.frozen_stages}: the encoder has '
                              f'{self.num_layers} blocks')
        super()._freeze_stages()

    def train(self, mode: bool = True) -> 'MaskedViT':
        """Frozen blocks stay in evaluation, without drop path."""
        super().train(mode)
        if mode and self.frozen_stages > 0:
            self._freeze_stages()
        return self

    def patch_grid(self, images: Tensor) -> tuple[int, int]:
        """Patches ``(h, w)`` of ``(B, 3, H, W)`` images; ConfigError if they do not fit."""
        height, width = images.shape[-2:]
        self._check_size(height, width)
        return height // self.patch_size, width // self.patch_size

    def _position(self, grid: tuple[int, int]) -> Tensor:
        return resize_pos_embed(self.pos_embed, self.patch_resolution, grid, self.interpolate_mode,
                                self.num_extra_tokens)

    def embed(self, images: Tensor, mask: PatchMask | None = None) -> Tensor:
        """Patches with their positions, without [CLS]: what :meth:`encode` takes.

        Args:
            images: ``(B, 3, H, W)``.
            mask: What an encoder that mixes patches needs to know; here it changes nothing.

        Returns:
            ``(B, L, D)``, the masked patches too.
        """
        return self.patch_embed(images)[0] + self._position(self.patch_grid(images))[:, 1:]

    def _enter(self, embedded: Tensor, ids: Tensor | None = None) -> Tensor:
        """Input of the first block: [CLS] and the patches ``ids``."""
        tokens = embedded if ids is None else gather_tokens(embedded, ids)
        cls_token = self.cls_token + self.pos_embed[:, :1]
        cls_token = cls_token.to(tokens.dtype).expand(len(tokens), -1, -1)
        return self.pre_norm(self.drop_after_pos(torch.cat((cls_token, tokens), dim=1)))

    def _leave(self, x: Tensor, embedded: Tensor, ids: Tensor | None = None) -> Tensor:
        """What follows the last block."""
        return self.ln1(x) if self.final_norm else x

    def encode(self,
               embedded: Tensor,
               ids: Tensor | None = None,
               drops: Sequence[tuple[int, int]] = ()) -> Tensor:
        """Run the blocks on [CLS] and the patches ``ids`` alone.

        Args:
            embedded: Result of :meth:`embed`.
            ids: Patches to see, ``(B, n)``; None = all, in the image's order.
            drops: ``(block, kept)``: before that block runs, all but the first ``kept`` patches
                leave the sequence.

        Returns:
            ``(B, 1 + n, D)`` of the patches that are left, after the final norm, if there is one;
            [CLS] first.
        """
        x = self._enter(embedded, ids)
        kept = dict(drops)
        for i, layer in enumerate(self.layers):
            if i in kept:
                x = x[:, :1 + kept[i]]
            x = layer(x)
        return self._leave(x, embedded, None if ids is None else ids[:, :x.shape[1] - 1])

    def tokens(self, images: Tensor, mask: PatchMask | None = None) -> Tensor:
        """Latents of the visible patches, or of all: :meth:`embed`, then :meth:`encode`.

        Returns:
            ``(B, 1 + n, D)`` after the final norm, if there is one; [CLS] first. ``out_type`` does
            not matter.
        """
        embedded = self.embed(images, mask)
        return self.encode(embedded) if mask is None else self.encode(
            embedded, mask.ids_enter, mask.drops)

    def forward(self, images: Tensor, mask: PatchMask | None = None):
        """Latents ``(B, 1 + Lv, D)`` of the visible patches; without a mask, what VisionTransformer
        returns."""
        if mask is not None:
            return self.tokens(images, mask)
        self.patch_grid(images)  # mmcv would pad an image that does not fit, without a word
        return super().forward(images)

    @torch.no_grad()
    def cls_attention(self,
                      images: Tensor,
                      layers: Sequence[int] | None = None,
                      softmax: str | None = 'heads',
                      mask: PatchMask | None = None) -> Tensor:
        """Attention of [CLS] to the patches, averaged over heads.

        The pass stops in the last block asked for, of which only the [CLS] query and the keys are
        computed; all attention is scaled-dot-product attention, no map is made.

        Args:
            images: ``(B, 3, H, W)``.
            layers: Blocks, counted from 0, negative from the end; None reads all.
            softmax: 'heads', 'mean' or None, see :func:`mmguided.ops.cls_attention_row`.
            mask: Which patches to see; None sees the whole image.

        Returns:
            ``(len(layers), B, n)``, float32, in the order of the blocks; of the patches in the
            order of the image, with a mask in that of its ``ids_keep``.
        """
        layers = range(self.num_layers) if layers is None else layers
        wanted = {i % self.num_layers for i in layers}
        last = max(wanted)
        x = self._enter(self.embed(images, mask), None if mask is None else mask.ids_keep)
        rows = []
        for i, layer in enumerate(self.layers[:last]):
            query, key, value = self._heads(layer.attn, layer.attn.qkv(layer.ln1(x)))
            if i in wanted:
                rows.append(cls_attention_row(query[:, :, :1], key, softmax))
            attended = F.scaled_dot_product_attention(query, key, value)
            x = self._finish_block(layer, x, attended.transpose(1, 2).flatten(2))
        attn, x = self.layers[last].attn, self.layers[last].ln1(x)
        weight, bias = attn.qkv.weight, attn.qkv.bias
        dim = self.embed_dims
        query, = self._heads(attn, F.linear(x[:, :1], weight[:dim],
                                            None if bias is None else bias[:dim]))
        key, = self._heads(attn, F.linear(x, weight[dim:2 * dim],
                                          None if bias is None else bias[dim:2 * dim]))
        rows.append(cls_attention_row(query, key, softmax))
        # Until a fix of late 2025, torch's autocast hands the weights that it cast here, without a
        # graph, to the pass that trains: most of the encoder would silently get no gradient.
        torch.clear_autocast_cache()
        return torch.stack(rows)

    @staticmethod
    def _heads(attn: nn.Module, projected: Tensor) -> tuple[Tensor, ...]:
        """``(B, N, n * D)`` to n tensors ``(B, heads, N, d)``."""
        batch, length, _ = projected.shape
        projected = projected.view(batch, length, -1, attn.num_heads, attn.head_dims)
        return projected.permute(2, 0, 3, 1, 4).unbind(0)

    @staticmethod
    def _finish_block(layer: nn.Module, x: Tensor, attended: Tensor) -> Tensor:
        """What is left of mmpretrain's block after attention ``(B, N, D)``."""
        attn = layer.attn
        attended = attn.proj(attended)
        x = x + attn.out_drop(attn.gamma1(attn.proj_drop(attended)))
        return layer.ffn(layer.ln2(x), identity=x)
