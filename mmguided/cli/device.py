"""Device setup: GPU, or CPU with gloo."""
import datetime
import logging

import torch
from mmengine.config import Config, ConfigDict
from mmengine.device import get_device
from mmengine.logging import print_log
from mmengine.model import MMDistributedDataParallel, revert_sync_batchnorm
from mmengine.registry import MODEL_WRAPPERS
from torch import distributed, nn

from mmguided.utils.errors import ConfigError

from .arguments import LOADERS

#: Seconds that processes wait for each other. The first process may compute metrics meanwhile.
TIMEOUT = 1800


@MODEL_WRAPPERS.register_module()
class CPUDataParallel(MMDistributedDataParallel):
    """MMDistributedDataParallel for CPUs. It replaces SyncBN, which needs GPUs, by BN.

    The model is changed instead of the config because SyncBN is often an unstated default.
    """

    def __init__(self, module: nn.Module, **kwargs) -> None:
        before = set(module.modules())
        module = revert_sync_batchnorm(module)
        if set(module.modules()) != before:
            print_log('SyncBN needs GPUs. BN replaces it: each process normalizes by its own batch',
                      'current', logging.WARNING)
        super().__init__(module, **kwargs)


def prepare_device(cfg: Config) -> None:
    """Set the timeout of collective operations, and adapt ``cfg`` to the device.

    AmpOptimWrapper without a ``dtype`` uses bfloat16 without a loss scaler on GPUs that support it
    (NVIDIA: Ampere or newer), and otherwise fp16. Without a GPU, ``cfg`` is adapted to CPUs.

    MMEngine selects a CUDA device when it starts a process group and when it wraps the model, and
    its AmpOptimWrapper rejects CPUs. Therefore the group is started here over gloo, the model is
    wrapped by :class:`CPUDataParallel` without a device, and OptimWrapper replaces AmpOptimWrapper,
    or CPUAmpOptimWrapper if its ``dtype`` is bfloat16.

    Raises:
        ConfigError: If CPU processes were not launched by torchrun.
    """
    dist_cfg = cfg.setdefault('env_cfg', ConfigDict()).setdefault('dist_cfg', ConfigDict())
    dist_cfg.timeout = dist_cfg.get('timeout') or TIMEOUT
    is_cpu = get_device() == 'cpu'
    if cfg.launcher != 'none':
        if is_cpu:
            _start_gloo(cfg)
        _set_wrapper(cfg, is_cpu)
    if not is_cpu:
        _choose_dtype(cfg.get('optim_wrapper') or {})
        return
    _replace_amp(cfg.get('optim_wrapper') or {})
    for field in LOADERS:
        if cfg.get(field):
            cfg[field].pin_memory = False  # there is no device to copy to


def _set_wrapper(cfg: Config, is_cpu: bool) -> None:
    """Wrap the model for CPUs. With FlexibleRunner, which ignores ``model_wrapper_cfg``, pass the
    settings to DDPStrategy."""
    holder, field = cfg, 'model_wrapper_cfg'
    if cfg.get('runner_type') == 'FlexibleRunner':
        holder, field = cfg.setdefault('strategy', ConfigDict()), 'model_wrapper'
        if holder.setdefault('type', 'DDPStrategy') != 'DDPStrategy':
            return
    elif not is_cpu:
        return
    wrapper = holder.get(field) or cfg.get('model_wrapper_cfg') or ConfigDict(
        broadcast_buffers=False, find_unused_parameters=cfg.get('find_unused_parameters', False))
    wrapper.setdefault('type', 'MMDistributedDataParallel')
    if is_cpu:
        if wrapper.type == 'MMDistributedDataParallel':
            wrapper.type = 'CPUDataParallel'
        wrapper.device_ids = None
    holder[field] = wrapper


def _start_gloo(cfg: Config) -> None:
    if cfg.launcher != 'pytorch':
        raise ConfigError(f'launcher={cfg.launcher!r}: needs GPUs, but none is visible. Use '
                          'tools/dist_*.sh on CPUs.')
    if not distributed.is_initialized():
        timeout = datetime.timedelta(seconds=cfg.env_cfg.dist_cfg.timeout)
        distributed.init_process_group('gloo', timeout=timeout)


def _uses_amp(wrapper: dict) -> bool:
    return 'AmpOptimWrapper' in str(wrapper.get('type'))


def prefer_bfloat16() -> None:
    """Let autocast use bfloat16 on GPUs that support it. MMEngine's test loop names no dtype."""
    if _has_bfloat16():
        torch.set_autocast_dtype('cuda', torch.bfloat16)


def _has_bfloat16() -> bool:
    return get_device() == 'cuda' and torch.cuda.get_device_capability() >= (8, 0)


def _choose_dtype(wrapper: dict) -> None:
    if _uses_amp(wrapper) and wrapper.get('dtype') is None:
        if _has_bfloat16():
            wrapper.update(dtype='bfloat16', loss_scale=dict(enabled=False))
        print_log(f'optim_wrapper.dtype: {wrapper.get("dtype", "float16")}', 'current')


def _replace_amp(wrapper: dict) -> None:
    if not _uses_amp(wrapper):
        return
    is_bfloat16 = wrapper.get('dtype') == 'bfloat16'
    wrapper['type'] = 'mmguided.CPUAmpOptimWrapper' if is_bfloat16 else 'OptimWrapper'
    for key in ('loss_scale', 'dtype', 'use_fsdp'):
        wrapper.pop(key, None)
    if not is_bfloat16:
        print_log('optim_wrapper: AmpOptimWrapper needs a GPU; OptimWrapper replaces it in full '
                  'precision', 'current', logging.WARNING)
