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
    """Maps of strides 4, 8, 16, 32 and 64 from the last map of a ViT (arXiv:2203.16527, Sec. 3).

    The map of stride 16 is upsampled by transposed convolutions and downsampled by max pooling,
    without lateral connections. The last level subsamples the level before it, as in mmdet's FPN.

    Args:
        in_channels: Encoder width.
        out_channels: Width of the maps.
    """

    def __init__(self, in_channels: int, out_channels: int = 256) -> None:
        super().__init__()
        half, quarter = in_channels // 2, in_channels // 4
        self.levels = nn.ModuleList([
            _level(quarter, out_channels, nn.ConvTranspose2d(in_channels, half, 2, 2), _norm(half),
                   nn.GELU(), nn.ConvTranspose2d(half, quarter, 2, 2)),
            _level(half, out_channels, nn.ConvTranspose2d(in_channels, half, 2, 2)),
            _level(in_channels, out_channels),
            _level(in_channels, out_channels, nn.MaxPool2d(2)),
        ])

    def forward(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Five maps ``(B, out_channels, ...)`` from the last of ``inputs``, ``(B, D, h, w)``."""
        maps = [level(inputs[-1]) for level in self.levels]
        return (*maps, F.max_pool2d(maps[-1], 1, 2))
