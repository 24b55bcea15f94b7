"""Where a run takes place: GPUs, or CPUs and gloo without any."""
import datetime
import logging
import os

import torch
from mmengine.config import Config, ConfigDict
from mmengine.device import get_device
from mmengine.logging import print_log
from mmengine.model import MMDistributedDataParallel, revert_sync_batchnorm
from mmengine.registry import MODEL_WRAPPERS
from torch import distributed, nn

from mmguided.utils.errors import ConfigError

from .arguments import LOADERS


@MODEL_WRAPPERS.register_module()
class CPUDataParallel(MMDistributedDataParallel):
    """MMDistributedDataParallel for processes without GPUs, where SyncBN cannot run.

    Each process then normalizes by its own batch, as MMEngine has it with a single process. Done to
    the model, since many a SyncBN is a default that no config mentions.
    """

    def __init__(self, module: nn.Module, **kwargs) -> None:
        before = set(module.modules())
        module = revert_sync_batchnorm(module)
        if set(module.modules()) != before:
            print_log('SyncBN needs GPUs and there are none; BN takes its place: each process '
                      'normalizes by its own batch', 'current', logging.WARNING)
        super().__init__(module, **kwargs)


def prepare_device(cfg: Config) -> None:
    """Check the processes against the GPUs; without any, adapt ``cfg`` so that it runs on CPUs.

    MMEngine selects a CUDA device when it starts a process group and again when it wraps the model,
    and its AmpOptimWrapper refuses a CPU. So here the group is started over gloo, the model wrapper
    is told to select no device and turns SyncBN into BN (:class:`CPUDataParallel`), and
    AmpOptimWrapper becomes OptimWrapper.

    Raises:
        ConfigError: If a process has no GPU while others have, or if CPU processes were not
            launched by torchrun.
    """
    if get_device() != 'cpu':
        _check_gpu_of_process(cfg.launcher)
        return
    if cfg.launcher != 'none':
        _start_gloo(cfg)
        wrapper = cfg.get('model_wrapper_cfg') or ConfigDict(
            broadcast_buffers=False,
            find_unused_parameters=cfg.get('find_unused_parameters', False))
        if wrapper.get('type', 'MMDistributedDataParallel') == 'MMDistributedDataParallel':
            wrapper.type = 'CPUDataParallel'
        wrapper.device_ids = None
        cfg.model_wrapper_cfg = wrapper
    _replace_amp(cfg)
    for field in LOADERS:
        if cfg.get(field):
            cfg[field].pin_memory = False  # there is no device to copy to


def _check_gpu_of_process(launcher: str) -> None:
    # Under slurm a process may see its own GPU only, so that its rank says nothing.
    if launcher != 'pytorch' or not torch.cuda.is_available():
        return
    rank, gpus = int(os.environ['LOCAL_RANK']), torch.cuda.device_count()
    if rank >= gpus:
        raise ConfigError(f'GPUS: process {rank} of this machine has no GPU, only {gpus} are '
                          f'visible; ask for {gpus} processes or check CUDA_VISIBLE_DEVICES')


def _start_gloo(cfg: Config) -> None:
    if cfg.launcher != 'pytorch':
        raise ConfigError(f'launcher={cfg.launcher!r} needs GPUs and this machine shows none; '
                          'on CPUs use tools/dist_*.sh')
    if not distributed.is_initialized():
        timeout = cfg.get('env_cfg', {}).get('dist_cfg', {}).get('timeout')
        distributed.init_process_group(
            'gloo', timeout=timeout and datetime.timedelta(seconds=timeout))


def _replace_amp(cfg: Config) -> None:
    wrapper = cfg.get('optim_wrapper') or {}
    kind = wrapper.get('type', 'OptimWrapper')
    name = kind if isinstance(kind, str) else kind.__name__
    if name.rpartition('.')[2] != 'AmpOptimWrapper':
        return
    wrapper.type = 'OptimWrapper'
    for key in ('loss_scale', 'dtype', 'use_fsdp'):
        wrapper.pop(key, None)
    print_log('optim_wrapper: AmpOptimWrapper needs an accelerator and there is none; '
              'OptimWrapper in full precision takes its place', 'current', logging.WARNING)
