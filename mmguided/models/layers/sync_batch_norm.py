"""Synchronized batch normalization."""
from mmengine.dist import get_rank
from torch import Tensor, nn

from mmguided.ops import all_gather_with_grad
from mmguided.registry import MODELS


@MODELS.register_module()
class SyncBatchNorm(nn.BatchNorm1d):
    """BatchNorm1d with statistics of the global batch, on any device and backend.

    Inputs are projections ``(B, C)`` with equal B on every process. Rows are gathered and
    normalized together, which is cheap for vectors. torch's SyncBatchNorm does not support CPUs.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        return super().forward(all_gather_with_grad(x)).narrow(0, get_rank() * len(x), len(x))
