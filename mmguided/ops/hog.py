"""Histograms of oriented gradients (HOG), as in MaskFeat (arXiv:2112.09133)."""
import math

import torch
import torch.nn.functional as F
from torch import Tensor


@torch.no_grad()
def hog(images: Tensor, num_bins: int = 9, cell: int = 8, window: int = 16) -> Tensor:
    """Histogram of gradient directions per channel and cell, L2-normalized over the bins.

    Directions are unsigned (the bins cover pi). Each pixel votes with its gradient magnitude times
    a Gaussian (sigma = window / 2) that repeats every ``window`` pixels. The result equals that of
    mmpretrain's ``HOGGenerator`` on 224 x 224 images; other image sizes are supported too.

    Args:
        images: ``(B, C, H, W)``, H and W multiples of ``window`` and of ``cell``.

    Returns:
        ``(B, C, num_bins, H / cell, W / cell)``, float32.
    """
    batch, channels, height, width = images.shape
    # The filter is created on the device because a copy from the host would synchronize.
    offset = torch.arange(-1, 2, dtype=torch.float32, device=images.device)
    sobel = torch.outer(2 - offset.abs(), -offset)
    padded = F.pad(images.float(), (1, 1, 1, 1), mode='reflect').flatten(0, 1).unsqueeze(1)
    with torch.autocast(images.device.type, enabled=False):
        gradients = F.conv2d(padded, torch.stack((sobel, sobel.t())).unsqueeze(1))
    gx, gy = gradients.unbind(1)  # (B * C, H, W) each

    ramp = torch.arange(window, dtype=torch.float32, device=images.device)
    gaussian = torch.exp(-0.5 * ((ramp - ramp.mean()) / (window // 2))**2)
    gaussian = torch.outer(gaussian, gaussian)
    gaussian = (gaussian / gaussian.sum()).repeat(height // window, width // window)
    votes = torch.hypot(gx, gy) * gaussian
    bins = (torch.atan2(gx, gy) / math.pi * num_bins).floor().long() % num_bins

    histogram = votes.new_zeros(batch * channels, num_bins, height, width)
    histogram.scatter_(1, bins.unsqueeze(1), votes.unsqueeze(1))
    histogram = F.avg_pool2d(histogram, cell, divisor_override=1)
    return F.normalize(histogram.unflatten(0, (batch, channels)), dim=2)
