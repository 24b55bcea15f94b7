"""Processes of a run: lock the work dir, end with the launcher, check that all ranks agree.

Nothing is imported from torch before a process group exists.
"""
import ctypes
import fcntl
import hashlib
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mmguided.utils.configs import walk
from mmguided.utils.errors import ConfigError
from mmguided.version import __version__

if TYPE_CHECKING:
    from mmengine.config import Config
    from mmengine.runner import Runner

RANK_VARIABLES = dict(pytorch='RANK', slurm='SLURM_PROCID', mpi='OMPI_COMM_WORLD_RANK')
PACKAGE = Path(__file__).parents[1]
PR_SET_PDEATHSIG = 1
_locks = []  # open files, which keep their locks until the process ends


def end_with_launcher() -> None:
    """Receive SIGTERM if torchrun ends, even by ``kill -9``. Only Linux supports this."""
    if 'TORCHELASTIC_RUN_ID' in os.environ and sys.platform == 'linux':
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def is_first_rank(launcher: str) -> bool:
    """Return True in the first process of a launcher, before a process group exists."""
    return os.environ.get(RANK_VARIABLES.get(launcher, ''), '0') == '0'


def lock_folder(field: str, folder: str | Path) -> None:
    """Create a folder and lock it until this process ends, even if it is killed.

    The lock is a POSIX record lock on the file ``.lock``. In contrast to ``flock``, data loader
    workers that outlive this process do not inherit it.

    Raises:
        ConfigError: If another process holds the lock.
    """
    os.makedirs(folder, exist_ok=True)
    try:
        file = open(Path(folder, '.lock'), 'a+')
    except OSError as error:
        raise ConfigError(f'{field}={str(folder)!r}: cannot be written ({error.strerror}). Set '
                          f'another {field}.') from error
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        file.seek(0)
        raise ConfigError(
            f'{field}={str(folder)!r}: in use by {file.read() or "another process"}. Wait for '
            f'its end, stop it, or set another {field}.') from None
    except OSError as error:  # some network file systems have no locks
        print(f'{field}={str(folder)!r}: cannot be locked ({error}). Do not start a second run in '
              'this folder.', file=sys.stderr)
    file.truncate(0)
    file.write(f'process {os.getpid()} on {socket.gethostname()}')
    file.flush()
    _locks.append(file)


def check_ranks(runner: 'Runner') -> None:
    """Check that all processes have the same config, code and training data.

    If a process cannot read its data, the others stop, too, instead of waiting for it.

    Raises:
        ConfigError: On all processes.
    """
    if runner.world_size == 1:
        return
    from mmengine.dist import all_gather_object
    facts, error = None, None
    try:
        facts = _facts(runner)
    except Exception as failure:  # noqa: BLE001
        error = failure
    first, *others = all_gather_object(facts)
    if error:
        raise error
    for rank, facts in enumerate([first, *others]):
        if facts is None:
            raise ConfigError(f'train_dataloader: process {rank} cannot read its data, so all '
                              'processes stop. See the error of this process.')
        for name in first | facts:
            value, expected = facts.get(name), first.get(name)
            if value != expected:
                raise ConfigError(
                    f'{name}={value}: process {rank} differs from process 0, which has '
                    f'{expected}. Start all processes with the same config, code and data.')


def _facts(runner: 'Runner') -> dict[str, str]:
    import torch

    from mmguided.datasets import fingerprint
    code = hashlib.sha1()
    for path in sorted(PACKAGE.rglob('*.py')):
        code.update(path.read_bytes())
    dataset = runner.train_dataloader.dataset
    config = {name: repr(value) for field in runner.cfg for name, value in walk(
        runner.cfg[field], field) if not isinstance(value, (dict, list, tuple))}
    return config | {
        'torch': torch.__version__, 'mmguided': f'{__version__}, code {code.hexdigest()[:10]}',
        'len(train_dataloader.dataset)': str(len(dataset)),
        'file list of train_dataloader.dataset': f'hash {fingerprint(dataset)[:10]}'}


@contextmanager
def explain_timeouts(cfg: 'Config') -> Iterator[None]:
    """Raise ConfigError with the process that did not answer if a collective operation times out.

    NCCL ends the waiting processes itself. Its message names the operation and their ranks.
    """
    try:
        yield
    except RuntimeError as error:
        from torch import distributed
        if not (distributed.is_initialized() and 'Timed out waiting' in str(error)):
            raise
        store = distributed.distributed_c10d._get_default_store()
        rank, ranks = distributed.get_rank(), range(distributed.get_world_size())
        store.set(f'timed out/{rank}', '')
        timeout = cfg.env_cfg.dist_cfg.timeout
        time.sleep(min(timeout, 10))  # the other waiting processes time out at about the same time
        absent = [str(other) for other in ranks if not store.check([f'timed out/{other}'])]
        raise ConfigError(
            f'env_cfg.dist_cfg.timeout={timeout}: process {", ".join(absent) or "unknown"} did '
            f'not answer for {timeout} s. See its output, and its stack by `py-spy dump`. If it '
            'only needs more time, raise the timeout.') from error
