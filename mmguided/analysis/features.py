"""Measures of features: variance, relations, spectrum and rank."""
import torch
import torch.nn.functional as F
from torch import Tensor


def feature_variance(features: Tensor) -> Tensor:
    """sigma_F, the mean squared distance of the normalized features to their mean (Self-guided MAE,
    Eq. 3).

    The mean cosine over all pairs, the diagonal of M included, is ``1 - sigma_F``. If no cosine is
    negative, :func:`similarity_variance` of the same features is therefore at most ``sigma_F (1 -
    sigma_F)``, up to terms of order 1 / n.

    Args:
        features: ``(B, n, D)``.

    Returns:
        ``(B, )``: 0 if all features have the same direction, 1 if their directions cancel out.
    """
    normalized = F.normalize(features, dim=-1)
    # This is the mean of |x - mean|^2, because |x| = 1.
    return 1 - normalized.mean(dim=1).square().sum(dim=-1)


def cosine_similarity(features: Tensor) -> Tensor:
    """Cosine similarities M (Self-guided MAE, Eq. 2), ``(B, n, n)``, of ``(B, n, D)``."""
    normalized = F.normalize(features, dim=-1)
    return normalized @ normalized.mT


def similarity_to_mean(features: Tensor) -> Tensor:
    """Cosine similarity of each of the features ``(B, n, D)`` to their mean, ``(B, n)``
    (Self-guided MAE Fig. 2b)."""
    return F.cosine_similarity(features, features.mean(dim=1, keepdim=True), dim=-1)


def similarity_variance(similarity: Tensor) -> Tensor:
    """sigma_S, the variance of M over pairs of different patches, as printed in Self-guided MAE,
    Eq. 3.

    The printed mean divides the sum over all i, j by n (n - 1). The diagonal adds 1 / (n - 1) to
    it, so that sigma_S exceeds the variance of the pairs by 1 / (n - 1)^2 (2.6e-5 for 196 patches).

    Args:
        similarity: M, ``(B, n, n)``.

    Returns:
        ``(B, )``.
    """
    num = similarity.shape[-1]
    pairs = similarity[:, ~torch.eye(num, dtype=torch.bool, device=similarity.device)]
    mean = similarity.sum(dim=(1, 2)) / (num * (num - 1))
    return (pairs - mean.unsqueeze(1)).square().mean(dim=1)


def intra_and_inter(weights: Tensor, side: Tensor) -> Tensor:
    """Mean edge weight within and between the two groups of a bi-partition (mu_intra and mu_inter
    of Self-guided MAE, Sec. 3.3). Their difference is the gap.

    Args:
        weights: M or A, ``(B, n, n)``; the diagonal is ignored.
        side: Group of each patch, ``(B, n)`` bool, such as the groups from
            :func:`mmguided.ops.normalized_cut`.

    Returns:
        ``(B, 2)``: intra and inter; NaN if the image has no edge of this kind.
    """
    num = weights.shape[-1]
    edges = ~torch.eye(num, dtype=torch.bool, device=weights.device)
    same = side.unsqueeze(-1) == side.unsqueeze(-2)
    groups = torch.stack((same & edges, ~same), dim=1)
    return (weights.unsqueeze(1) * groups).sum((2, 3)) / groups.sum((2, 3))


def relation_kl(relations: Tensor, reference: Tensor) -> Tensor:
    """KL divergence of token relations from the relations of a reference (Self-guided MAE, Eq. 4).

    Args:
        relations: ``(B, n, n)`` with rows that sum to 1: A, or the row-wise softmax of M, because
            the paper does not define how cosines become distributions.
        reference: Relations of the reference, such as the last checkpoint of a run.

    Returns:
        ``(B, )``: KL(relations || reference) in nats, averaged over rows; infinite where the
        reference is 0 and the relations are not.
    """
    cross = torch.special.xlogy(relations, reference)
    own = torch.special.xlogy(relations, relations)
    return (own - cross).sum(dim=-1).mean(dim=-1)


def fourier_amplitudes(features: Tensor, grid: tuple[int, int]) -> Tensor:
    """Fourier amplitudes ``(B, D, h, w)``, unshifted, of features ``(B, h * w, D)`` on a grid. The
    mean of their squares is the sum of the squared features (Parseval)."""
    maps = features.mT.unflatten(2, grid).float()
    return torch.fft.fft2(maps).abs()


def relative_log_amplitude(features: Tensor, grid: tuple[int, int], eps: float = 1e-6) -> Tensor:
    """Log amplitude of each frequency relative to frequency 0 (Park et al., "What Do
    Self-Supervised Vision Transformers Learn?", ICLR 2023; Self-guided MAE Fig. 7b).

    The logarithms are averaged over channels and read on the diagonal of the frequency plane. If
    the grid is not square, the frequencies nearest to the diagonal are used.

    Args:
        features: ``(B, h * w, D)``.
        grid: Patches ``(h, w)``.
        eps: Constant added to the amplitudes to keep the logarithm finite.

    Returns:
        ``(B, min(h, w) // 2 + 1)``, natural logarithms at the evenly spaced :func:`frequencies`
        from 0 (value 0) to the highest one, which is pi for an even grid.
    """
    log = (fourier_amplitudes(features, grid) + eps).log().mean(dim=1)
    steps = torch.arange(min(grid) // 2 + 1, device=log.device)
    row, column = ((steps * side / min(grid)).round().long() for side in grid)
    diagonal = log[:, row, column]
    return diagonal - diagonal[:, :1]


def frequencies(grid: tuple[int, int]) -> list[float]:
    """Frequencies of :func:`relative_log_amplitude`, as multiples of pi."""
    side = min(grid)
    return [2 * step / side for step in range(side // 2 + 1)]


@torch.no_grad()
def effective_rank(features: Tensor, eps: float = 1e-7) -> float:
    """RankMe (Garrido et al., "RankMe: Assessing the Downstream Performance of Pretrained
    Self-Supervised Representations by Their Rank", ICML 2023): the exponential of the entropy of
    the normalized singular values.

    Args:
        features: ``(N, D)``, not centered. Use N > D, because the rank is at most ``min(N, D)``.
        eps: Constant added to the normalized singular values to keep the logarithm finite.

    Returns:
        Rank from 1 (all features are collinear) to ``min(N, D)`` (all singular values are equal).
    """
    singular = torch.linalg.svdvals(features.float())
    shares = singular / singular.sum().clamp_min(torch.finfo(singular.dtype).tiny) + eps
    return torch.exp(-(shares * shares.log()).sum()).item()
