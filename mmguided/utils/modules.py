"""Helpers for ``nn.Module``: eval mode, autocast, DistributedDataParallel, sharded tensors."""
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.model import is_model_wrapper
from torch import Tensor, nn


def unwrap_ddp(model: nn.Module) -> nn.Module:
    """Return the module inside a DistributedDataParallel wrapper, or the model itself."""
    return model.module if is_model_wrapper(model) else model


def is_sharded(module: nn.Module) -> bool:
    """Return True for a module sharded by FSDP2. torch before 2.6 lacks FSDP2."""
    return hasattr(module, 'unshard')


def full_tensor(x: Tensor) -> Tensor:
    """Gather a sharded tensor (DTensor) on all processes; return other tensors unchanged."""
    return x.full_tensor() if hasattr(x, 'full_tensor') else x


@contextmanager
def gathered_weights(model: nn.Module) -> Iterator[None]:
    """Gather the weights of a model sharded by FSDP2, for calls of its parts outside its forward.

    All processes must enter. Transformer blocks gather their own weights. Other models are
    unaffected.
    """
    if is_sharded(model):
        model.unshard()
    try:
        yield
    finally:
        if is_sharded(model):
            model.reshard()


def clear_autocast_cache() -> None:
    """Clear autocast's cache of cast weights, at the end of a forward without gradient.

    Without a fix of late 2025, torch reuses the cached weights in the training pass. These weights
    have no graph, so most of the encoder would get no gradient. torch.compile does not use the
    cache.
    """
    if not torch.compiler.is_compiling():
        torch.clear_autocast_cache()


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
