"""Batches gathered over the processes of a distributed run; the identity in a single process."""
import torch
import torch.distributed as dist
from mmengine.dist import get_rank, get_world_size
from torch import Tensor


@torch.no_grad()
def concat_all_gather(x: Tensor) -> Tensor:
    """The batch of all processes in the order of their ranks, without gradient.

    Args:
        x: ``(B, ...)``, of the same shape on every process.

    Returns:
        ``(world_size * B, ...)``.
    """
    if get_world_size() == 1:
        return x.detach()
    parts = [torch.empty_like(x) for _ in range(get_world_size())]
    dist.all_gather(parts, x.contiguous())
    return torch.cat(parts)


class _AllGather(torch.autograd.Function):
    """All-gather whose backward sums what every process sends back to the rows of this one."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        ctx.batch = x.shape[0]
        return concat_all_gather(x)

    @staticmethod
    def backward(ctx, grad: Tensor) -> Tensor:
        grad = grad.clone(memory_format=torch.contiguous_format)  # all_reduce writes into it
        dist.all_reduce(grad)
        return grad.narrow(0, get_rank() * ctx.batch, ctx.batch)


def all_gather_with_grad(x: Tensor) -> Tensor:
    """Like :func:`concat_all_gather`, with the gradient of every process's loss.

    With each process averaging its own loss over its own rows, DistributedDataParallel's mean over
    processes is then exactly the gradient of the loss on the whole batch.

    Args:
        x: ``(B, ...)``, of the same shape on every process.

    Returns:
        ``(world_size * B, ...)``.
    """
    return _AllGather.apply(x) if get_world_size() > 1 else x
