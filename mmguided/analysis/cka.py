"""Linear CKA between the layers of two models."""
from collections.abc import Sequence

import torch
from torch import Tensor


def unbiased_hsic(first: Tensor, second: Tensor) -> Tensor:
    """Unbiased HSIC_1 of Gram matrices (Song et al., 2012, Eq. 5; Nguyen et al., "Do Wide and Deep
    Networks Learn the Same Things?", ICLR 2021, Eq. 3).

    Args:
        first, second: ``(..., B, B)``, B > 3; leading dimensions are broadcast.

    Returns:
        ``(...)``.
    """
    num = first.shape[-1]
    off_diagonal = ~torch.eye(num, dtype=torch.bool, device=first.device)
    first, second = first * off_diagonal, second * off_diagonal
    # For symmetric matrices, tr(KL) sums products of entries, 1' K L 1 sums products of row sums.
    trace = (first * second).sum((-2, -1))
    sums = first.sum((-2, -1)) * second.sum((-2, -1)) / ((num - 1) * (num - 2))
    rows = (first.sum(-1) * second.sum(-1)).sum(-1) * 2 / (num - 2)
    return (trace + sums - rows) / (num * (num - 3))


class MinibatchCKA:
    """Minibatch linear CKA between all layers of two models, from features of the same images
    (Nguyen et al., ICLR 2021, Eq. 2; Conditional MAE Fig. 4).

    CKA is 1 for features that differ by a rotation, a scale and a shift, and close to 0, possibly
    negative, for unrelated features. Batches are weighted by their size, so that a small last batch
    has little influence.
    """

    def __init__(self) -> None:
        self._sums: tuple[Tensor, ...] | None = None

    def update(self, first: Sequence[Tensor], second: Sequence[Tensor]) -> None:
        """Add a batch. Batches of fewer than 4 images are ignored.

        Args:
            first: Features ``(B, ...)`` of each layer of the first model.
            second: Features of the same images in each layer of the second model.
        """
        if len(first[0]) < 4:
            return
        rows, columns = _gram_matrices(first), _gram_matrices(second)
        batch = (unbiased_hsic(rows.unsqueeze(1), columns.unsqueeze(0)),
                 unbiased_hsic(rows, rows), unbiased_hsic(columns, columns))
        batch = [len(first[0]) * hsic for hsic in batch]
        self._sums = tuple(
            batch if self._sums is None else map(torch.add, self._sums, batch))

    def compute(self) -> Tensor | None:
        """CKA ``(layers of first, layers of second)``; None if no batch was large enough."""
        if self._sums is None:
            return None
        cross, first, second = self._sums
        return cross / (first.unsqueeze(1) * second.unsqueeze(0)).sqrt()


def _gram_matrices(layers: Sequence[Tensor]) -> Tensor:
    """Gram matrices ``(layers, B, B)``, float64 on the CPU. Features are centered over the batch
    for numerical precision; HSIC does not depend on the mean."""
    grams = []
    for features in layers:
        features = features.flatten(1).float()
        features = features - features.mean(dim=0)
        grams.append((features @ features.mT).cpu().double())
    return torch.stack(grams)
