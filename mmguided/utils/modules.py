"""Helpers for ``nn.Module``: eval mode, DistributedDataParallel, sharded tensors."""
from collections.abc import Iterator
from contextlib import contextmanager

from mmengine.model import is_model_wrapper
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule
from torch.distributed.tensor import DTensor


def unwrap_ddp(model: nn.Module) -> nn.Module:
    """Return the module inside a DistributedDataParallel wrapper, or the model itself."""
    return model.module if is_model_wrapper(model) else model


def full_tensor(x: Tensor) -> Tensor:
    """Gather a sharded tensor (DTensor) on all processes; return other tensors unchanged."""
    return x.full_tensor() if isinstance(x, DTensor) else x


@contextmanager
def gathered_weights(model: nn.Module) -> Iterator[None]:
    """Gather the weights of a model sharded by FSDP2, for calls of its parts outside its forward.

    All processes must enter. Transformer blocks gather their own weights. Other models are
    unaffected.
    """
    if isinstance(model, FSDPModule):
        model.unshard()
    try:
        yield
    finally:
        if isinstance(model, FSDPModule):
            model.reshard()


@contextmanager
def eval_mode(module: nn.Module) -> Iterator[None]:
    """Switch a module to eval mode; restore the previous modes on exit."""
    modes = {part: part.training for part in module.modules()}
    module.eval()
    try:
        yield
    finally:
        for part, mode in modes.items():
            part.training = mode
