"""What ``tools/train.py`` and ``tools/test.py`` share: from the command line to a Runner.

Configs of mmpretrain, mmdet and mmseg all pass through here; the few differences between the three
hang on the config's ``default_scope``.
"""
import argparse
import datetime
import gc
import logging
import os
import os.path as osp
import re
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from mmengine.config import Config, ConfigDict, DictAction
from mmengine.device import get_device
from mmengine.logging import print_log
from mmengine.model import MMDistributedDataParallel, revert_sync_batchnorm
from mmengine.registry import MODEL_WRAPPERS, RUNNERS
from mmengine.runner import Runner, find_latest_checkpoint
from torch import distributed, nn

from mmguided.utils.checkpoints import pretrained_settings
from mmguided.utils.errors import ConfigError, check_file

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that training and testing share."""
    parser.add_argument('--work-dir', help='folder of logs and checkpoints; default: the config\'s '
                        '`work_dir`, else ./work_dirs/CONFIG_NAME')
    parser.add_argument('--amp', action='store_true', help='automatic mixed precision')
    parser.add_argument('--no-pin-memory', action='store_true', help='do not pin memory')
    parser.add_argument(
        '--no-persistent-workers', action='store_true',
        help='start the data loaders\' workers anew at each epoch')
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE',
        help='override fields of the config: a.b=1 c="[1,2]" d="[(1,2),(3,4)]" (no blanks inside)')
    parser.add_argument(
        '--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none',
        help='who started the processes')
    parser.add_argument(
        '--local_rank', '--local-rank', type=int, default=0,
        help='set by old launchers only; newer ones use the variable LOCAL_RANK')


def load_config(path: str) -> Config:
    """Read a config file.

    Raises:
        ConfigError: If there is no such file, or none of a name in its ``_base_``.
    """
    check_file('config', path, 'give the path of a .py, .json or .yml config file')
    try:
        return Config.fromfile(path)
    except FileNotFoundError as error:
        raise ConfigError(f'config={path!r} asks for a file that does not exist: {error}; '
                          'mend `_base_` in it') from error


def merge_common_args(cfg: Config, args: argparse.Namespace) -> None:
    """Write the options of :func:`add_common_arguments` into ``cfg``, except ``--amp``, which means
    another thing in training than in testing.

    ``--cfg-options`` come first: the defaults below depend on what they say.
    """
    if args.cfg_options:
        cfg.merge_from_dict(args.cfg_options)
    cfg.launcher = args.launcher
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    if args.work_dir:
        cfg.work_dir = args.work_dir
    elif not cfg.get('work_dir'):
        cfg.work_dir = osp.join('work_dirs', osp.splitext(osp.basename(args.config))[0])

    for field in LOADERS:
        if cfg.get(field):
            _set_loader_defaults(cfg[field], cfg.get('default_scope'))
            if args.no_pin_memory:
                cfg[field].pin_memory = False
            if args.no_persistent_workers:
                cfg[field].persistent_workers = False


def _set_loader_defaults(loader: ConfigDict, scope: str | None) -> None:
    """mmpretrain's configs count on these; mmdet's and mmseg's state what they need, and their
    samples of unequal size must not be stacked."""
    if scope in ('mmpretrain', 'mmguided'):
        loader.setdefault('collate_fn', dict(type='default_collate'))
        loader.setdefault('pin_memory', True)
        loader.setdefault('persistent_workers', True)
    if not loader.get('num_workers'):
        loader.persistent_workers = False  # torch refuses it without workers


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


def drop_pretrained(cfg: Config) -> None:
    """Take the pretraining checkpoint out of ``cfg`` where another one is sure to hold the encoder:
    one to resume from, or ``load_from`` if StrictBackboneHook checks it."""
    holds_all = cfg.get('load_from') and (cfg.get('resume') or any(
        'StrictBackboneHook' in str(hook.get('type')) for hook in cfg.get('custom_hooks') or ()))
    resumed = cfg.get('resume') and find_latest_checkpoint(cfg.work_dir)
    backbone = cfg.model.get('backbone') or {}
    if (holds_all or resumed) and pretrained_settings(backbone.get('init_cfg')):
        backbone.init_cfg = None


def build_runner(cfg: Config) -> Runner:
    """The Runner of ``cfg``, or the class that it names as ``runner_type``."""
    return RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)


def leave_process_group() -> None:
    """End the process group and its threads; to be called when the Runner has gone out of scope.

    A gloo thread lets go of the tensors of a collective after the collective has returned, and
    needs Python for that. Where Python has begun to shut down by then, the process is aborted with
    all its work done. The threads end with the group, and the group when nobody holds it any more:
    hence the collection, for a Runner and its model are part of reference cycles.
    """
    if distributed.is_initialized():
        gc.collect()
        distributed.destroy_process_group()


@contextmanager
def naming_config_fields(cfg: Config, sections: Sequence[str]) -> Iterator[None]:
    """Turn "no such file" from inside into a `ConfigError` that names the field of ``cfg``, and
    what torch says of a broken checkpoint that Runner loads into one that names the file.

    Datasets of all toolboxes and checkpoint loaders report a missing path by FileNotFoundError and
    do not know which field it came from. An error about a path that ``cfg`` does not name is not
    touched.

    Args:
        cfg: The config that the block runs.
        sections: The top-level fields that the block builds. Others may name the same path without
            being at fault: a variable such as ``data_root``, or another data loader.
    """
    try:
        yield
    except FileNotFoundError as error:
        missing = _missing_path(error)
        named = [(field, value) for section in sections
                 for field, value in _strings(cfg.to_dict().get(section), section)
                 if _is_part(value, missing) and not osp.exists(osp.expanduser(value))]
        if not named and cfg.get('resume') and missing == find_latest_checkpoint(cfg.work_dir):
            raise ConfigError(f"{osp.join(cfg.work_dir, 'last_checkpoint')!r} names {missing!r}, "
                              'which is not there; give the one to resume from: --resume '
                              'CKPT') from error
        if not named:
            raise
        # A missing data_root is to blame, not what is to be found below it; of data_prefix='train'
        # and others in the midst of the path, the longest.
        root = [pair for pair in named if _is_root(pair[1], missing)]
        field, value = (min if root else max)(root or named, key=lambda pair: len(pair[1]))
        raise ConfigError(f'{field}={value!r}: no file or folder {missing!r}; put it there or set '
                          f'`--cfg-options {field}=PATH`') from error
    except Exception as error:
        path = _unreadable_checkpoint(error)
        if path is None:
            raise
        raise ConfigError(f'{path!r} cannot be read as a checkpoint ({type(error).__name__}: '
                          f'{error}): is the file whole? If not, give another one') from error


def _unreadable_checkpoint(error: Exception) -> str | None:
    """The file that Runner had torch read when ``error`` was raised; None if it was elsewhere."""
    frames = {frame.f_code: frame for frame, _ in traceback.walk_tb(error.__traceback__)}
    loading = frames.get(Runner.load_checkpoint.__code__)
    return loading.f_locals['filename'] if loading and torch.load.__code__ in frames else None


def _missing_path(error: FileNotFoundError) -> str:
    if error.filename:
        return str(error.filename)
    # Wrapped by a registry or a data loader's worker, or worded by MMEngine.
    text = str(error).strip().splitlines()[-1]
    quoted = re.search(r"'([^']+)'", text)
    return quoted[1] if quoted else text.removesuffix(' can not be found.').split(': ')[-1]


def _is_part(value: str, path: str) -> bool:
    """Whether ``value`` is one or more whole components of ``path``."""
    value, path = osp.normpath(osp.expanduser(value)), osp.normpath(path)
    return f'/{value.lstrip("/")}/' in f'/{path.lstrip("/")}/'


def _is_root(value: str, path: str) -> bool:
    """Whether ``path`` is ``value``, or below it."""
    value, path = osp.normpath(osp.expanduser(value)), osp.normpath(path)
    return f'{path}/'.startswith(f'{value}/')


def _strings(node: object, field: str) -> Iterator[tuple[str, str]]:
    """The non-empty strings below ``node`` with their dotted names, types left out."""
    if isinstance(node, str) and node:
        yield field, node
    elif isinstance(node, dict):
        for key, value in node.items():
            if key != 'type':
                yield from _strings(value, f'{field}.{key}')
    elif isinstance(node, (list, tuple)):
        for index, value in enumerate(node):
            yield from _strings(value, f'{field}.{index}')
