"""Guidance by the entropy of the pixels."""
import math

import torch

from mmguided.registry import MODELS
from mmguided.structures import Wants

from .guidance import Guidance


@MODELS.register_module()
class ImageEntropy(Guidance):
    """Entropy of the gray levels of each patch, in bits. The gray level is the mean of the
    channels, rounded to 0..255."""

    def wants(self, clock):
        return {'image': Wants(pixels=True)}

    def forward(self, observations, clock):
        pixels = observations['image'].pixels  # (B, n, pixels per patch, channels)
        levels = pixels.mean(dim=3).round().long().clamp(0, 255)
        counts = torch.zeros(*levels.shape[:2], 256, device=levels.device)
        counts.scatter_add_(2, levels, torch.ones_like(levels, dtype=counts.dtype))
        shares = counts / levels.shape[2]
        return torch.special.entr(shares).sum(dim=2) / math.log(2)
