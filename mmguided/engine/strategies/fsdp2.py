"""Sharded training with torch's ``fully_shard`` (FSDP2)."""
import time
from collections.abc import Callable, Mapping

import mmengine
from mmengine._strategy import DDPStrategy
from mmengine.device import get_device
from mmengine.dist import is_distributed, is_main_process
from mmengine.runner import save_checkpoint
from mmengine.utils import apply_to
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import distribute_tensor
from torch.distributed.tensor.experimental import implicit_replication

from mmguided.models.layers import TransformerBlock
from mmguided.registry import STRATEGIES
from mmguided.utils.errors import ConfigError
from mmguided.utils.modules import full_tensor

from ..hooks import checkpoint_hook  # noqa: F401, registers mmguided.atomic


@STRATEGIES.register_module()
class FSDP2Strategy(DDPStrategy):
    """Shard parameters, gradients and optimizer states over all processes, for FlexibleRunner.

    Each transformer block is gathered for its forward and backward pass, and the rest of the model
    for the whole step. Checkpoints equal those of an unsharded run. Works on CUDA, and on CPUs over
    gloo.

    Args:
        **kwargs: Arguments of DDPStrategy except ``model_wrapper``.

    Raises:
        ConfigError: If the run is not distributed.
    """

    def _wrap_model(self, model: nn.Module) -> nn.Module:
        if not is_distributed():
            raise ConfigError("strategy.type='mmguided.FSDP2Strategy': needs a launcher. Use "
                              'tools/dist_train.sh.')
        model = self.convert_model(model.to(get_device()))
        mesh = init_device_mesh(get_device(), (self.world_size, ))
        for module in model.modules():
            if isinstance(module, TransformerBlock):
                fully_shard(module, mesh=mesh)
        fully_shard(model, mesh=mesh)
        # If a hook runs a block before the first step, the block would become a root.
        model._get_fsdp_state()._lazy_init()
        return model

    def load_model_state_dict(self, state_dict: dict, **kwargs) -> None:
        """Load full weights, which every process has read."""
        with implicit_replication():
            super().load_model_state_dict(state_dict, **kwargs)

    def load_optim_state_dict(self, state_dict: dict) -> None:
        """Load the full state of the optimizer, which every process has read."""
        super().load_optim_state_dict(state_dict)
        for parameter, state in self.optim_wrapper.optimizer.state.items():
            for name, value in state.items():
                if isinstance(value, Tensor) and value.shape == parameter.shape:
                    state[name] = distribute_tensor(
                        value, parameter.device_mesh, parameter.placements, src_data_rank=None)

    def save_checkpoint(self, filename: str, *, extra_ckpt: dict, callback: Callable,
                        save_optimizer: bool = True, save_param_scheduler: bool = True) -> None:
        """Gather the states on all processes, and save them on the first one."""
        state = self.model.state_dict()
        checkpoint = extra_ckpt | dict(state_dict=_gather(state))
        checkpoint['state_dict']._metadata = state._metadata
        if save_optimizer:
            checkpoint['optimizer'] = _gather(self.optim_wrapper.state_dict())
        if not is_main_process():
            return
        if save_param_scheduler and hasattr(self, 'param_schedulers'):
            checkpoint['param_schedulers'] = self.scheduler_state_dict()
        checkpoint['meta'].update(
            seed=self.seed, time=time.strftime('%Y%m%d_%H%M%S'), mmengine=mmengine.__version__)
        callback(checkpoint)
        save_checkpoint(checkpoint, filename, backend_args=dict(backend='mmguided.atomic'))


def _gather(state: Mapping) -> Mapping:
    """Full tensors on the CPU of the first process; None on the other processes."""

    def gather(value: Tensor) -> Tensor | None:
        value = full_tensor(value)
        return value.cpu() if is_main_process() else None

    return apply_to(state, lambda value: isinstance(value, Tensor), gather)
