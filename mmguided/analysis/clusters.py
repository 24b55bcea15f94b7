"""Patch clusters of single images."""
import numpy as np
import torch.nn.functional as F
from torch import Tensor

from mmguided.ops import cut_into

from .features import cosine_similarity


def patch_clusters(relations: Tensor, num_clusters: int) -> Tensor:
    """Cluster the patches of each image by recursive normalized cuts of their cosine similarities
    (Self-guided MAE, Eq. 2, Fig. 1 and App. B).

    Args:
        relations: Patch features ``(B, n, D)``. The paper uses the attention output before the
            projection, see :class:`mmguided.structures.Wants`.
        num_clusters: Number of clusters K; smaller for an image whose graph cannot be cut further.

    Returns:
        Cluster indices ``(B, n)``, int64, from 0, ordered by decreasing cluster size.
    """
    similarity = cosine_similarity(relations.float())
    clusters = F.one_hot(cut_into(similarity, num_clusters), num_clusters)
    by_size = clusters.sum(dim=1).argsort(dim=1, descending=True, stable=True)
    return clusters.gather(2, by_size.unsqueeze(1).expand_as(clusters)).argmax(dim=2)


def match_clusters(clusters: np.ndarray, reference: np.ndarray, num_clusters: int) -> np.ndarray:
    """Renumber clusters to maximize the number of patches that agree with a reference.

    Args:
        clusters, reference: Cluster indices ``(B, ...)``, from 0 to ``num_clusters - 1``.
    """
    from scipy.optimize import linear_sum_assignment  # an optional dependency
    matched = np.empty_like(clusters)
    for row, (ours, theirs) in enumerate(zip(clusters, reference, strict=True)):
        common = np.zeros((num_clusters, num_clusters), int)
        np.add.at(common, (ours, theirs), 1)
        matched[row] = linear_sum_assignment(common, maximize=True)[1][ours]
    return matched
