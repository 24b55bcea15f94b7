"""Mixed precision on CPUs."""
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.optim import OptimWrapper
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from mmguided.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class CPUAmpOptimWrapper(OptimWrapper):
    """Forward passes in bfloat16 on a CPU, where MMEngine's AmpOptimWrapper is not available.

    Attention uses the math backend, because the backward pass of flash attention for CPUs is ten
    times slower in bfloat16 than in float32 (torch 2.11).
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        with (super().optim_context(model), torch.autocast('cpu', torch.bfloat16),
              sdpa_kernel(SDPBackend.MATH)):
            yield
