"""Class labels of patches, for plots of patch features such as t-SNE."""
import numpy as np
import torch
from torch import Tensor

from mmguided.ops import patchify


def majority_labels(segmentation: Tensor, patch_size: int) -> Tensor:
    """Class of more than half of the pixels of each patch (Conditional MAE, appendix A.2.1).

    Args:
        segmentation: ``(B, H, W)``, int.
        patch_size: Side of a patch in pixels.

    Returns:
        ``(B, L)``, int64; -1 for a patch without a majority class.
    """
    pixels = patchify(segmentation.unsqueeze(1), patch_size)
    # If more than half of the pixels have the same value, this value is their median.
    median = pixels.median(dim=2, keepdim=True).values
    is_majority = 2 * (pixels == median).sum(dim=2) > pixels.shape[2]
    return torch.where(is_majority, median.squeeze(2), -1).long()


def sample_patches(labels: np.ndarray, per_class: int = 200, seed: int = 0) -> np.ndarray:
    """Sorted indices of at most ``per_class`` random patches of each class, from labels ``(N, )``.
    Labels below 0 are ignored."""
    order = np.random.default_rng(seed).permutation(len(labels))
    chosen = [order[labels[order] == label][:per_class]
              for label in np.unique(labels[labels >= 0])]
    return np.sort(np.concatenate(chosen)) if chosen else np.empty(0, dtype=np.int64)
