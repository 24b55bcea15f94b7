"""Batch normalization over the batch of all processes."""
from mmengine.dist import get_rank
from torch import Tensor, nn

from mmguided.ops import all_gather_with_grad
from mmguided.registry import MODELS


@MODELS.register_module()
class SyncBatchNorm(nn.BatchNorm1d):
    """BatchNorm1d whose statistics are those of the global batch, on any device and backend.

    For projections ``(B, C)``, with the same B on every process: rows are gathered and normalized
    together, which for vectors costs nothing worth saving. torch's SyncBatchNorm refuses a CPU,
    and so does DistributedDataParallel for a model that holds one.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        return super().forward(all_gather_with_grad(x)).narrow(0, get_rank() * len(x), len(x))
