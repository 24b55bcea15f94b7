"""What is predicted: the loss on the masked patches."""
from mmengine.model import BaseModule
from torch import Tensor

from mmguided.registry import MODELS
from mmguided.utils.errors import ConfigError

from ..losses import masked_mean, patch_errors


@MODELS.register_module()
class ReconstructionHead(BaseModule):
    """Mean error on the masked patches.

    Args:
        order: 2 for squared, 1 for absolute differences, see
            :func:`mmguided.models.losses.patch_errors`.
        loss_weight: Factor of the loss.
    """

    def __init__(self, order: int = 2, loss_weight: float = 1.0) -> None:
        super().__init__()
        if order not in (1, 2):
            raise ConfigError(f'head.order={order}: choose 1 (absolute) or 2 (squared)')
        self.order = order
        self.loss_weight = loss_weight

    def errors(self, pred: Tensor, target: Tensor) -> Tensor:
        """Error of each patch, ``(B, L)``, of predictions and targets ``(B, L, D)``."""
        return patch_errors(pred, target, self.order)

    def mean(self, errors: Tensor, weights: Tensor) -> Tensor:
        """Loss from the patches' errors and how much each counts, ``(B, L)``."""
        return self.loss_weight * masked_mean(errors, weights)

    def forward(self, pred: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        """Loss of predictions and targets ``(B, L, D)`` where ``mask (B, L)`` is 1."""
        return self.mean(self.errors(pred, target), mask)
