"""How many dimensions features use."""
import torch
from torch import Tensor


@torch.no_grad()
def effective_rank(features: Tensor, eps: float = 1e-7) -> float:
    """RankMe (Garrido et al., "RankMe: Assessing the Downstream Performance of Pretrained
    Self-Supervised Representations by Their Rank", ICML 2023): the exponential of the entropy of
    the singular values, divided by their sum.

    Args:
        features: ``(N, D)``, not centered; N should be larger than D, for the rank is at most
            ``min(N, D)``.
        eps: Added to each share of the sum, which keeps the logarithm finite.

    Returns:
        From 1, all features are multiples of one, to ``min(N, D)``, all directions are alike.
    """
    singular = torch.linalg.svdvals(features.float())
    shares = singular / singular.sum().clamp_min(torch.finfo(singular.dtype).tiny) + eps
    return torch.exp(-(shares * shares.log()).sum()).item()
