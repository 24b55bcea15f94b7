"""Batch normalisation over the batch of all processes."""
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from mmguided.ops import all_gather_with_grad
from mmguided.registry import MODELS


@MODELS.register_module()
class SyncBatchNorm(nn.SyncBatchNorm):
    """torch's SyncBatchNorm, which refuses a CPU, made to run there too (over gloo).

    Inputs on a CPU are ``(B, C)`` with the same B on every process. A run without processes
    normalises over its own batch.
    """

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type != 'cpu':
            return super().forward(x)
        running = self.running_mean, self.running_var
        if not self.training:
            return F.batch_norm(x, *running, self.weight, self.bias, eps=self.eps)
        self.num_batches_tracked.add_(1)
        everyone = F.batch_norm(
            all_gather_with_grad(x), *running, self.weight, self.bias, True, self.momentum, self.eps)
        rank = dist.get_rank() if dist.is_available() and dist.is_initialized() else 0
        return everyone.narrow(0, rank * len(x), len(x))
