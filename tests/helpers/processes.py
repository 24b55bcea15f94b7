"""Run functions in several gloo processes."""
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.multiprocessing as mp
from mmengine.runner import Runner

from mmguided.utils.modules import unwrap_ddp


def _process(rank: int, function: Callable, folder: Path, world_size: int) -> None:
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        'gloo', init_method=f'file://{folder}/store', rank=rank, world_size=world_size)
    torch.save(function(), folder / f'{rank}.pth')
    torch.distributed.destroy_process_group()


def in_processes(function: Callable[[], Any], folder: Path, world_size: int = 2) -> list:
    """Result of ``function`` in each process. Processes are forked, because importing the toolboxes
    takes long."""
    mp.start_processes(_process, (function, folder, world_size), world_size, start_method='fork')
    return [torch.load(folder / f'{rank}.pth') for rank in range(world_size)]


def kill_workers() -> None:
    """Send SIGTERM to the workers of all data loaders. They obey their parent, so that another
    process must send it."""
    subprocess.run(['kill', *(str(worker.pid) for worker in mp.active_children())], check=True)


def run_test(cfg, distributed: bool = False) -> tuple[dict, Any]:
    """Metrics of a test run, and the bank of its model, if any."""
    if distributed:
        cfg.launcher = 'pytorch'
        # MMEngine sets a device for each process, but a CPU model must not have one.
        cfg.model_wrapper_cfg = dict(type='MMDistributedDataParallel', device_ids=None)
    runner = Runner.from_cfg(cfg)
    metrics = runner.test()
    return metrics, getattr(unwrap_ddp(runner.model), 'bank', None)
