"""What is predicted: the loss on the masked patches."""
from mmengine.model import BaseModule
from torch import Tensor

from mmguided.registry import MODELS

from ..losses import masked_mse


@MODELS.register_module()
class ReconstructionHead(BaseModule):
    """Mean squared error on the masked patches.

    Args:
        loss_weight: Factor of the loss.
    """

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, pred: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        """Loss of predictions and targets ``(B, L, D)`` where ``mask (B, L)`` is 1."""
        return self.loss_weight * masked_mse(pred, target, mask)
