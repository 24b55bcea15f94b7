"""Weighted k-NN classification."""
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


@torch.no_grad()
def knn_scores(query: Tensor, bank: Tensor, bank_labels: Tensor, num_classes: int,
               ks: Sequence[int] = (10, 20, 100, 200), temperature: float = 0.07,
               chunk: int = 256) -> dict[int, Tensor]:
    """Class scores from the weighted votes of the k most similar features of a bank.

    A neighbor of cosine similarity s votes for its label with weight ``exp(s / temperature)`` (Wu
    et al., "Unsupervised Feature Learning via Non-Parametric Instance Discrimination", CVPR 2018,
    Sec. 3.4; DINO's evaluation). The votes of each query are normalized to a sum of 1, which keeps
    the class order and avoids overflow at low temperatures.

    Args:
        query: Features ``(B, D)``, not necessarily normalized.
        bank: Features ``(N, D)``, not necessarily normalized.
        bank_labels: Labels of the bank in ``[0, num_classes)``, ``(N, )``, int64.
        num_classes: Number of classes C.
        ks: Numbers of neighbors, each in ``[1, N]``.
        temperature: Temperature of the votes; a lower one gives near neighbors more weight.
        chunk: Queries per matrix product. The product has ``chunk * N`` similarities: 1.3 GB for
            256 float32 queries and ImageNet-1K.

    Returns:
        For each k, scores ``(B, C)`` that sum to 1.

    Raises:
        ValueError: If a k is outside ``[1, N]``, or ``temperature`` is not positive.
    """
    size, largest = len(bank), max(ks)
    if min(ks) < 1 or largest > size:
        raise ValueError(f'ks={tuple(ks)}: the bank has {size} features. Choose from 1 to {size}.')
    if temperature <= 0:
        raise ValueError(f'temperature={temperature}: must be positive. Set 0.07.')
    # Scaling the similarities instead of the bank avoids a second copy of it.
    inverse_length = 1 / bank.norm(dim=1).clamp_min(torch.finfo(bank.dtype).tiny)
    parts = {k: [] for k in ks}
    for part in query.split(chunk):
        similarity = (F.normalize(part, dim=1) @ bank.T).mul_(inverse_length)
        nearest, ids = similarity.topk(largest, dim=1)
        labels = bank_labels[ids]
        for k in ks:
            votes = nearest.new_zeros(len(part), num_classes)
            weights = (nearest[:, :k] / temperature).softmax(dim=1)
            parts[k].append(votes.scatter_add_(1, labels[:, :k], weights))
    return {k: torch.cat(votes) for k, votes in parts.items()}
