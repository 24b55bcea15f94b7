"""ConvNeXt V2 encoder with sparse convolutions over visible patches."""
from functools import partial

import torch
from mmengine.utils import to_2tuple
from mmpretrain.models import ConvNeXt
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmguided.ops import gather_tokens
from mmguided.registry import MODELS
from mmguided.structures import PatchMask
from mmguided.utils.errors import ConfigError

from .base import Encoder
from .stages import load_stages


class UnitPlaces:
    """Scatter and gather between visible units and the feature map of a stage.

    A unit covers side x side positions of the map ``(B, C, H, W)``. The positions of the visible
    units ``ids (B, n)`` are stored as ``(B, n, side**2, C)``, in row-major order within a unit.
    """

    def __init__(self, ids: Tensor, grid: tuple[int, int], side: int) -> None:
        self.shape = (*ids.shape, side**2)
        self.size = (grid[0] * side, grid[1] * side)
        inside = torch.arange(side, device=ids.device)
        rows = (ids // grid[1] * side).unsqueeze(-1) + inside
        columns = (ids % grid[1] * side).unsqueeze(-1) + inside
        images = torch.arange(len(ids), device=ids.device).view(-1, 1, 1, 1)
        rows = images * self.size[0] + rows.unsqueeze(-1)
        self.index = (rows * self.size[1] + columns.unsqueeze(-2)).flatten()

    def scatter(self, x: Tensor) -> Tensor:
        """Write visible positions to a map that is zero elsewhere; channels-last in memory."""
        batch, channels = x.shape[0], x.shape[-1]
        pixels = x.new_zeros(batch * self.size[0] * self.size[1], channels)
        pixels = pixels.index_copy(0, self.index, x.reshape(-1, channels))
        return pixels.view(batch, *self.size, channels).permute(0, 3, 1, 2)

    def gather(self, x: Tensor) -> Tensor:
        """Read the visible positions of a map."""
        channels = x.shape[1]
        pixels = x.permute(0, 2, 3, 1).reshape(-1, channels)
        return pixels.index_select(0, self.index).view(*self.shape, channels)


def _run_block(block: nn.Module, places: UnitPlaces, x: Tensor) -> Tensor:
    """Run mmpretrain's block on visible positions only, ``(B, n, side**2, C)``.

    The depthwise convolution gets zeros at masked positions; GRN norms are computed over the
    visible positions of an image.
    """
    out = places.gather(block.depthwise_conv(places.scatter(x)))
    data_format = 'channel_last' if block.linear_pw_conv else 'channel_first'
    if not block.linear_pw_conv:
        out = out.permute(0, 3, 1, 2)
    out = block.act(block.pointwise_conv1(block.norm(out, data_format=data_format)))
    if block.grn is not None:
        out = block.grn(out, data_format=data_format)
    out = block.pointwise_conv2(out)
    if not block.linear_pw_conv:
        out = out.permute(0, 2, 3, 1)
    if block.gamma is not None:
        out = out * block.gamma
    return x + block.drop_path(out)


@MODELS.register_module()
class MaskedConvNeXt(Encoder, ConvNeXt):
    """mmpretrain's ConvNeXt with the masking of FCMAE (ConvNeXt V2, arXiv:2301.00808, Sec. 3.1).

    Parameters have mmpretrain's names. Without a mask, :meth:`forward` equals ConvNeXt's forward.
    ConvNeXt V2 is ``use_grn=True, layer_scale_init_value=0.``.

    A patch of the :class:`PatchMask` is called a unit here. Its side is the encoder's stride (32
    pixels). With a mask, only visible units are computed; a later shot removes its units before the
    stage of the shot. Stem and downsampling do not cross units. The depthwise convolutions get
    zeros at missing units and are therefore sparse convolutions. GRN norms are computed over the
    visible positions of each image, so that masked and unmasked passes agree. (The released PyTorch
    code computes them over the batch, unlike its dense GRN and unlike the JAX code behind the
    paper's results.)

    FCMAE's encoder has no final norm; fine-tuning with ConvNeXt initializes a new norm. A masked
    pass does not use the norms of ``out_indices``; they are frozen because distributed training
    fails on parameters without gradient.

    Args:
        arch: As in ConvNeXt: 'base', ...; or a dict of depths and channels.
        img_size: Default input size, a side or ``(height, width)``.
        stem_patch_size: Stride of the stem.
        **kwargs: Other arguments of ConvNeXt.

    Raises:
        ConfigError: If a unit does not divide the image size, or the arch is unknown.
    """
    _patch_size_field = 'backbone.stem_patch_size'

    def __init__(self,
                 arch: str | dict = 'tiny',
                 img_size: int | tuple[int, int] = 224,
                 stem_patch_size: int = 4,
                 **kwargs) -> None:
        if isinstance(arch, str) and arch not in self.arch_settings:
            raise ConfigError(f"backbone.arch='{arch}': unknown. Choose from "
                              f'{list(self.arch_settings)} or give a dict.')
        super().__init__(arch=arch, stem_patch_size=stem_patch_size, **kwargs)
        self.num_layers = self.num_stages
        self.embed_dims = self.channels[-1]
        self.patch_size = stem_patch_size * 2**(self.num_stages - 1)
        height, width = to_2tuple(img_size)
        self.patch_resolution = self.check_size(height, width)
        for name, module in self.named_children():
            if name.startswith('norm'):
                module.requires_grad_(False)

    def init_weights(self) -> None:
        """Initialize as mmpretrain, or load the checkpoint of ``init_cfg`` strictly. It may lack
        the norms of ``out_indices``."""
        if not load_stages(self, new=r'norm\d+\.'):
            super().init_weights()

    def image_tokens(self, images: Tensor) -> Tensor:
        x = images
        for downsample, stage in zip(self.downsample_layers, self.stages, strict=True):
            x = stage(downsample(x))
        return x.flatten(2).mT

    def forward(self, images: Tensor, mask: PatchMask | None = None):
        """Features of the last stage, without a norm; zeros at masked units.

        Args:
            images: ``(B, C, H, W)``.
            mask: Mask of the units, ``L = H * W / patch_size**2``; its shots count stages from 0.

        Returns:
            ``(B, L, D)`` in the image's order; without a mask, the output of ConvNeXt.
        """
        if mask is None:
            return super().forward(images)
        self.patch_grid(images)
        x = self._visible_pixels(images, mask)
        for i, stage in enumerate(self.stages):
            ids = mask.ids_keep_at(i)
            x = self.downsample_layers[i](x[:, :ids.shape[1]].flatten(0, 1))
            side = x.shape[-1]
            x = x.permute(0, 2, 3, 1).reshape(*ids.shape, side**2, -1)
            places = UnitPlaces(ids, mask.grid, side)
            for block in stage:
                run = partial(_run_block, block, places)
                if block.with_cp and x.requires_grad:
                    run = partial(checkpoint, run, use_reentrant=False)
                x = run(x)
            if i < self.num_layers - 1:
                x = x.unflatten(2, (side, side)).permute(0, 1, 4, 2, 3)
        return places.scatter(x).flatten(2).transpose(1, 2)

    def _visible_pixels(self, images: Tensor, mask: PatchMask) -> Tensor:
        """Pixels of the visible units, ``(B, n, C, patch_size, patch_size)``."""
        side, (h, w) = self.patch_size, mask.grid
        units = images.unflatten(-1, (w, side)).unflatten(-3, (h, side))
        units = units.permute(0, 2, 4, 1, 3, 5).flatten(1, 2)
        return gather_tokens(units.flatten(2), mask.ids_keep_at(0)).unflatten(2, units.shape[2:])
