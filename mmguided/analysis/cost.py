"""Cost of functions on tensors: FLOPs, operations, saved memory, and the matmul rate of a device.

All counters are contexts around the function.
"""
import time
from collections import Counter

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.benchmark import Timer
from torch.utils.flop_counter import (
    FlopCounterMode,
    sdpa_backward_flop_count,
    sdpa_flop_count,
)

aten = torch.ops.aten


def flop_counter() -> FlopCounterMode:
    """torch's FLOP counter, which ignores attention on a CPU, with the formulas of attention on a
    GPU. Its backward pass counts five matrix products because it repeats one of the forward pass.
    """
    return FlopCounterMode(display=False, custom_mapping={
        # The arguments are shapes.
        aten._scaled_dot_product_flash_attention_for_cpu:
            lambda query, key, value, *args, **kwargs: sdpa_flop_count(query, key, value),
        aten._scaled_dot_product_flash_attention_for_cpu_backward:
            lambda gradient, query, key, value, *args, **kwargs:
                sdpa_backward_flop_count(gradient, query, key, value)})


class OperationCounter(TorchDispatchMode):
    """Count dispatched operations. Views are not counted because they launch no kernel.

    Attributes:
        counts: (part, name of the operation) -> number.
        part: Name of the running part of the function, set by the caller.
    """

    def __init__(self) -> None:
        super().__init__()
        self.counts, self.part = Counter(), ''

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if not (func.is_view or func is aten._unsafe_view.default):
            self.counts[self.part, func.overloadpacket.__name__] += 1
        return func(*args, **(kwargs or {}))


class SavedTensors(torch.autograd.graph.saved_tensors_hooks):
    """Count the bytes that a forward pass keeps for the backward pass, in :attr:`bytes`. Parameters
    of the model do not count, and shared storage counts once."""

    def __init__(self, model: torch.nn.Module) -> None:
        parameters = {p.untyped_storage().data_ptr() for p in model.parameters()}
        self._storages = {}  # the references keep other tensors from reusing the addresses

        def pack(tensor: torch.Tensor) -> torch.Tensor:
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in parameters:
                self._storages[storage.data_ptr()] = storage
            return tensor

        super().__init__(pack, lambda tensor: tensor)

    @property
    def bytes(self) -> int:
        return sum(storage.nbytes() for storage in self._storages.values())


def matmul_rate(device: torch.device, dtype: torch.dtype) -> float:
    """FLOP/s of a product of large square matrices; on a CPU, per second of CPU time."""
    on_cpu = device.type == 'cpu'
    size = 1024 if on_cpu else 8192
    matrix = torch.randn(size, size, device=device).to(dtype)
    timer = Timer('x @ x', globals=dict(x=matrix), num_threads=torch.get_num_threads(),
                  **(dict(timer=time.process_time) if on_cpu else {}))
    return 2 * size**3 / timer.blocked_autorange(min_run_time=0.5).median
