"""Simple feature pyramid of ViTDet."""
from collections.abc import Sequence
from functools import partial

import torch.nn.functional as F
from mmengine.model import BaseModule
from mmpretrain.models.utils import LayerNorm2d
from torch import Tensor, nn

from mmguided.registry import MODELS

_norm = partial(LayerNorm2d, eps=1e-6)


def _level(in_dims: int, out_dims: int, *resample: nn.Module) -> nn.Sequential:
    """Build a level: resampling, then a 1 x 1 and a 3 x 3 convolution, each with a norm."""
    return nn.Sequential(
        *resample,
        nn.Conv2d(in_dims, out_dims, 1, bias=False), _norm(out_dims),
        nn.Conv2d(out_dims, out_dims, 3, padding=1, bias=False), _norm(out_dims))


@MODELS.register_module()
class SimpleFeaturePyramid(BaseModule):
    """Maps at several scales from the last map of a ViT (arXiv:2203.16527, Sec. 3).

    The map is upsampled by transposed convolutions and downsampled by max pooling, without lateral
    connections. The last level subsamples the level before it, as in mmdet's FPN.

    Args:
        in_channels: Encoder width.
        rescales: Factors of the levels, each 4, 2, 1, 0.5 or 0.25. ViTDet's (4, 2, 1, 0.5) give
            strides of 4 to 32 for patches of 16 pixels.
        out_channels: Width of the maps.
    """

    def __init__(self, in_channels: int, rescales: Sequence[float], out_channels: int = 256
                 ) -> None:
        super().__init__()
        half, quarter = in_channels // 2, in_channels // 4

        def level(scale: float) -> nn.Sequential:
            if scale == 4:
                return _level(
                    quarter, out_channels, nn.ConvTranspose2d(in_channels, half, 2, 2), _norm(half),
                    nn.GELU(), nn.ConvTranspose2d(half, quarter, 2, 2))
            if scale == 2:
                return _level(half, out_channels, nn.ConvTranspose2d(in_channels, half, 2, 2))
            return _level(
                in_channels, out_channels, *[] if scale == 1 else [nn.MaxPool2d(round(1 / scale))])

        self.levels = nn.ModuleList(map(level, rescales))

    def forward(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The maps of the levels and the last one, ``(B, out_channels, ...)``, from the last of
        ``inputs``, ``(B, D, h, w)``."""
        maps = [level(inputs[-1]) for level in self.levels]
        return (*maps, F.max_pool2d(maps[-1], 1, 2))
