"""Hybrid convolutional ViT encoder of ConvMAE with masked convolutions."""
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch.nn.functional as F
from mmcv.cnn.bricks import DropPath
from mmcv.cnn.bricks.transformer import FFN
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmguided.ops import gather_tokens
from mmguided.registry import MODELS
from mmguided.structures import PatchMask
from mmguided.utils.errors import ConfigError

from .vit import MaskedViT


class MaskedConvBlock(nn.Module):
    """Transformer block with a depthwise 5x5 convolution instead of attention.

    Tensors are channels-last; the convolution gets a view in torch's channels-last memory format.
    Dropout acts in the MLP, stochastic depth in both branches.
    """

    def __init__(self, dims: int, drop_rate: float, drop_path_rate: float) -> None:
        super().__init__()
        self.with_cp = False  # gradient checkpointing
        self.ln1 = nn.LayerNorm(dims)
        self.value = nn.Linear(dims, dims)
        self.depthwise = nn.Conv2d(dims, dims, 5, padding=2, groups=dims)
        self.proj = nn.Linear(dims, dims)
        self.drop_path = DropPath(drop_path_rate)
        self.ln2 = nn.LayerNorm(dims)
        self.ffn = FFN(
            dims, 4 * dims, act_cfg=dict(type='GELU'), ffn_drop=drop_rate,
            dropout_layer=dict(type='DropPath', drop_prob=drop_path_rate))

    def forward(self, x: Tensor, hidden: Tensor | None) -> Tensor:
        """Transform ``(B, H, W, C)``; ``hidden`` is ``(B, H, W, 1)``, bool, True = masked."""
        if self.with_cp and self.training:
            return checkpoint(self._run, x, hidden, use_reentrant=False)
        return self._run(x, hidden)

    def _run(self, x: Tensor, hidden: Tensor | None) -> Tensor:
        value = self.value(self.ln1(x))
        if hidden is not None:
            # Only the convolution mixes patches.
            value = value.masked_fill(hidden, 0)
        mixed = self.depthwise(value.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        x = x + self.drop_path(self.proj(mixed))
        return self.ffn(self.ln2(x), identity=x)


class MaskedConvStage(nn.Module):
    """Strided convolution with LayerNorm and GELU, followed by convolutional blocks."""

    def __init__(self, in_dims: int, dims: int, stride: int, drop_rate: float,
                 drop_path_rates: Sequence[float]) -> None:
        super().__init__()
        self.projection = nn.Conv2d(in_dims, dims, stride, stride)
        self.norm = nn.LayerNorm(dims)
        self.blocks = nn.ModuleList(
            MaskedConvBlock(dims, drop_rate, rate) for rate in drop_path_rates)

    def forward(self, x: Tensor, hidden: Tensor | None) -> Tensor:
        """Map ``(B, H, W, C)`` to ``(B, H / stride, W / stride, dims)``; ``hidden`` is per patch,
        ``(B, h, w)``, bool, True = masked."""
        x = F.gelu(self.norm(_patchwise(self.projection, x)))
        if hidden is not None:
            side = x.shape[1] // hidden.shape[1]
            hidden = hidden.repeat_interleave(side, 1).repeat_interleave(side, 2).unsqueeze(-1)
        for block in self.blocks:
            x = block(x, hidden)
        return x


class ConvTokenizer(nn.Module):
    """Convolutional stages before the transformer; the last stage has no blocks and outputs
    patches. ``grid`` is the patch grid of an image of the default size.
    """

    def __init__(self, in_channels: int, dims: Sequence[int], strides: Sequence[int],
                 drop_rate: float, drop_path_rates: Sequence[Sequence[float]],
                 grid: tuple[int, int]) -> None:
        super().__init__()
        self.init_out_size = grid  # VisionTransformer reads it to resize positions
        self.stages = nn.ModuleList(
            MaskedConvStage(in_dims, out_dims, stride, drop_rate, rates)
            for in_dims, out_dims, stride, rates in zip(
                (in_channels, *dims[:-1]), dims, strides, drop_path_rates, strict=True))
        self.proj = nn.Linear(dims[-1], dims[-1])

    def forward(self, images: Tensor, hidden: Tensor | None) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Patches ``(B, L, D)`` and the outputs of the earlier stages, ``(B, H_i, W_i, C_i)``."""
        x = images.permute(0, 2, 3, 1).contiguous()
        outputs = []
        for stage in self.stages:
            x = stage(x, hidden)
            outputs.append(x)
        return self.proj(x.flatten(1, 2)), tuple(outputs[:-1])


class HybridTokens(NamedTuple):
    """Output of :meth:`MaskedHybridViT.embed` and input of ``encode``.

    Attributes:
        patches: Patch embeddings with positions, ``(B, L, D)``.
        stages: Outputs of the convolutional stages, ``(B, H_i, W_i, C_i)``.
    """
    patches: Tensor
    stages: tuple[Tensor, ...]


@MODELS.register_module()
class MaskedHybridViT(MaskedViT):
    """ConvMAE's encoder (arXiv:2205.03892, Sec. 3.2): convolutional stages, then a ViT.

    Each stage is a strided convolution followed by depthwise 5x5 convolution blocks. Masked patches
    are zero in the convolutions, so that they do not leak into visible patches. The stage outputs
    are projected to the patch grid and added to the output of the last transformer block, before
    the final norm. The same weights run with and without a mask.

    Differences from the released ConvMAE: the transformer has a [CLS] token, for guidance and
    contrast; the downstream network keeps the stage projections, so that the unmasked encoder
    equals the masked one with an empty mask; all convolutions are initialized like MAE's patch
    embedding (released: most have torch's default).

    Without a mask, :meth:`forward` returns the output format of VisionTransformer; only the output
    of the last block includes the fusion and the norm. ``out_indices``, ``frozen_stages`` and
    layer-wise decay count transformer blocks; the stages belong to the embedding.

    Args:
        arch: 'base', or a dict as in VisionTransformer with optional ``stage_dims`` and
            ``stage_depths``, the widths and depths of the convolutional stages (default
            ``(256, 384)`` and ``(2, 2)``). ConvMAE's other sizes are not supported because its
            paper and released weights contradict each other.
        img_size: Default input size, a side or ``(height, width)``.
        strides: Strides of the convolutional stages and of the patch embedding; the product is the
            patch size.
        in_channels: Image channels.
        drop_rate: Dropout rate; in convolutional blocks only in the MLP.
        drop_path_rate: Stochastic depth rate of the last block; increases linearly from 0 over all
            blocks, including convolutional blocks.
        frozen_stages: Number of frozen transformer blocks; the embedding is frozen too. If all
            blocks are frozen, the fusion and the final norm are also frozen.
        layer_cfgs: Settings of the transformer blocks, as in VisionTransformer.
        with_cp: Use activation checkpointing in all blocks, including convolutional blocks.
        **kwargs: Other arguments of :class:`MaskedViT` except ``patch_size`` and ``patch_cfg``.
            ``norm_cfg`` applies to the transformer; stage norms use an epsilon of 1e-5, as in the
            released code.

    Raises:
        ConfigError: See :class:`MaskedViT`; also if the numbers of strides, stage widths and stage
            depths do not match.
    """
    patches_are_independent = False
    _patch_size_field = 'backbone.strides'
    arch_zoo = dict(base=dict(
        embed_dims=768, num_layers=11, num_heads=12, feedforward_channels=3072))

    def __init__(self,
                 arch: str | dict = 'base',
                 img_size: int | tuple[int, int] = 224,
                 strides: Sequence[int] = (4, 2, 2),
                 in_channels: int = 3,
                 drop_rate: float = 0.,
                 drop_path_rate: float = 0.,
                 frozen_stages: int = -1,
                 layer_cfgs: dict | Sequence[dict] | None = None,
                 with_cp: bool = False,
                 **kwargs) -> None:
        arch = dict(stage_dims=(256, 384), stage_depths=(2, 2)) | self._arch_settings(arch)
        stage_dims, stage_depths = arch['stage_dims'], arch['stage_depths']
        self._check_stages(strides, stage_dims, stage_depths, kwargs)
        num_layers, dims = arch['num_layers'], arch['embed_dims']
        rates = np.linspace(0, drop_path_rate, sum(stage_depths) + num_layers)
        *stage_rates, layer_rates = (
            part.tolist() for part in np.split(rates, np.cumsum(stage_depths)))
        if not isinstance(layer_cfgs, Sequence):
            layer_cfgs = [layer_cfgs or {}] * num_layers
        super().__init__(
            arch=arch, img_size=img_size, patch_size=math.prod(strides), in_channels=in_channels,
            drop_rate=drop_rate, with_cp=with_cp,
            layer_cfgs=[{'drop_path_rate': rate, **cfg}
                        for rate, cfg in zip(layer_rates, layer_cfgs, strict=True)],
            **kwargs)
        self.patch_embed = ConvTokenizer(
            in_channels, (*stage_dims, dims), strides, drop_rate, (*stage_rates, ()),
            self.patch_resolution)
        rest = [math.prod(strides[i + 1:]) for i in range(len(stage_dims))]
        self.fusion = nn.ModuleList(
            nn.Conv2d(width, dims, side, side)
            for width, side in zip(stage_dims, rest, strict=True))
        for module in self.patch_embed.modules():
            if isinstance(module, MaskedConvBlock):
                module.with_cp = with_cp
        self.frozen_stages = frozen_stages
        if frozen_stages > 0:
            self._freeze_stages()

    @staticmethod
    def _check_stages(strides, stage_dims, stage_depths, kwargs) -> None:
        for name in ('patch_size', 'patch_cfg'):
            if name in kwargs:
                raise ConfigError(f'backbone.{name}={kwargs[name]}: the patch size of a hybrid ViT '
                                  'is the product of backbone.strides. Remove it (in an inherited '
                                  'config with _delete_=True in the backbone).')
        if not 0 < len(strides) - 1 == len(stage_dims) == len(stage_depths):
            raise ConfigError(f'backbone.strides={tuple(strides)}: does not match arch.stage_dims='
                              f'{tuple(stage_dims)} and arch.stage_depths={tuple(stage_depths)}. '
                              'Give one stride per stage and one for the patch embedding.')

    def _freeze_stages(self) -> None:
        super()._freeze_stages()
        if self.frozen_stages == self.num_layers:
            self.fusion.requires_grad_(False)

    def embed(self, images: Tensor, mask: PatchMask | None = None) -> HybridTokens:
        """Run the convolutional stages.

        Args:
            images: ``(B, C, H, W)``.
            mask: Masked patches are hidden from the convolutions; pass only visible patches to
                :meth:`encode`. None hides no patches.
        """
        grid = self.patch_grid(images)
        hidden = None if mask is None else mask.mask_at(0).view(-1, *grid)
        patches, stages = self.patch_embed(images, hidden)
        return HybridTokens(patches + self._position(grid)[:, 1:], stages)

    def _input_tokens(self, embedded: HybridTokens, ids: Tensor | None = None) -> Tensor:
        return super()._input_tokens(embedded.patches, ids)

    def _output_tokens(self, x: Tensor, embedded: HybridTokens,
                       ids: Tensor | None = None) -> Tensor:
        """Add the fused stage outputs and apply the final norm."""
        fused = sum(_patchwise(projection, stage)
                    for projection, stage in zip(self.fusion, embedded.stages, strict=True))
        fused = fused.flatten(1, 2)
        if ids is not None:
            fused = gather_tokens(fused, ids)
        x = x + F.pad(fused, (0, 0, 1, 0))  # zeros for [CLS]
        return super()._output_tokens(x, embedded, ids)


def _patchwise(convolution: nn.Conv2d, x: Tensor) -> Tensor:
    """Apply a convolution to ``(B, H, W, C)``."""
    return convolution(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
