"""How the features of the patches of an image spread: in feature space, and in frequencies."""
import torch
import torch.nn.functional as F
from torch import Tensor


def feature_variance(features: Tensor) -> Tensor:
    """sigma_F, the mean squared distance of normalized features to their mean (Self-guided MAE,
    Eq. 3).

    Args:
        features: ``(B, n, D)``.

    Returns:
        ``(B, )``, from 0, all point in one direction, to 1, their directions cancel out.
    """
    normalized = F.normalize(features, dim=-1)
    # The mean of |x - mean|^2 with |x| = 1.
    return 1 - normalized.mean(dim=1).square().sum(dim=-1)


def cosine_similarity(features: Tensor) -> Tensor:
    """M of Self-guided MAE, Eq. 2: ``(B, n, n)`` from ``(B, n, D)``."""
    normalized = F.normalize(features, dim=-1)
    return normalized @ normalized.mT


def similarity_variance(similarity: Tensor) -> Tensor:
    """sigma_S, the variance of M over pairs of different patches (Self-guided MAE, Eq. 3).

    Args:
        similarity: M, ``(B, n, n)``.

    Returns:
        ``(B, )``.
    """
    num = similarity.shape[-1]
    pairs = ~torch.eye(num, dtype=torch.bool, device=similarity.device)
    return similarity[:, pairs].var(dim=-1, correction=0)


def fourier_amplitudes(features: Tensor, grid: tuple[int, int]) -> Tensor:
    """Amplitudes of a feature map's frequencies, ``(B, D, h, w)``, not shifted, from features
    ``(B, h * w, D)`` in the order of the grid. The mean of their squares is the sum of the squared
    features (Parseval)."""
    maps = features.mT.unflatten(2, grid).float()
    return torch.fft.fft2(maps).abs()


def relative_log_amplitude(features: Tensor, grid: tuple[int, int], eps: float = 1e-6) -> Tensor:
    """Log amplitude of frequencies relative to that of the mean (Park et al., "What Do
    Self-Supervised Vision Transformers Learn?", ICLR 2023; Self-guided MAE Fig. 7b).

    A mean over channels, on the diagonal of the frequency plane; on a grid that is not square, at
    the frequencies nearest to it.

    Args:
        features: ``(B, h * w, D)``.
        grid: Patches ``(h, w)``.
        eps: Added to the amplitudes.

    Returns:
        ``(B, min(h, w) // 2 + 1)``, natural logarithms at frequencies that rise evenly from 0,
        where it is 0, to the highest, pi for an even grid: see :func:`frequencies`.
    """
    log = (fourier_amplitudes(features, grid) + eps).log().mean(dim=1)
    steps = torch.arange(min(grid) // 2 + 1, device=log.device)
    row, column = ((steps * side / min(grid)).round().long() for side in grid)
    diagonal = log[:, row, column]
    return diagonal - diagonal[:, :1]


def frequencies(grid: tuple[int, int]) -> list[float]:
    """Frequencies of :func:`relative_log_amplitude`, as shares of pi."""
    side = min(grid)
    return [2 * step / side for step in range(side // 2 + 1)]
