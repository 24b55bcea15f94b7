"""All-gather over the processes of a distributed run; the identity in a single process."""
import torch
import torch.distributed as dist
from mmengine.dist import get_rank, get_world_size
from torch import Tensor


@torch.no_grad()
def concat_all_gather(x: Tensor) -> Tensor:
    """Concatenate the batches of all processes in rank order, without gradient.

    Args:
        x: ``(B, ...)``, of equal shape on every process.

    Returns:
        ``(world_size * B, ...)``.
    """
    if get_world_size() == 1:
        return x.detach()
    parts = [torch.empty_like(x) for _ in range(get_world_size())]
    dist.all_gather(parts, x.contiguous())
    return torch.cat(parts)


class _AllGather(torch.autograd.Function):
    """All-gather whose backward pass sums the gradients of all processes."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        ctx.batch = x.shape[0]
        return concat_all_gather(x)

    @staticmethod
    def backward(ctx, grad: Tensor) -> Tensor:
        grad = grad.clone(memory_format=torch.contiguous_format)  # all_reduce overwrites its input
        dist.all_reduce(grad)
        return grad.narrow(0, get_rank() * ctx.batch, ctx.batch)


def all_gather_with_grad(x: Tensor) -> Tensor:
    """Gather as :func:`concat_all_gather`, with the gradient of the losses of all processes.

    If each process averages its loss over its own rows, DistributedDataParallel's mean over
    processes equals the gradient of the loss on the global batch.
    """
    return _AllGather.apply(x) if get_world_size() > 1 else x
