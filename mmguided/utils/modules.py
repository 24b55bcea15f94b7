"""Helpers for ``nn.Module``: eval mode, DistributedDataParallel."""
from collections.abc import Iterator
from contextlib import contextmanager

from mmengine.model import is_model_wrapper
from torch import nn


def unwrap_ddp(model: nn.Module) -> nn.Module:
    """Return the module inside a DistributedDataParallel wrapper, or the model itself."""
    return model.module if is_model_wrapper(model) else model


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
