"""Fixtures shared by all tests."""
import json
import os
import random
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import DefaultScope
from mmengine.utils import manager
from yapf.yapflib import yapf_api

import mmguided  # noqa: F401
from mmguided.utils.interruption import SIGNALS
from tests.helpers.paths import ROOT

# Tests and the processes that they start run in parallel.
torch.set_num_threads(1)
os.environ['OMP_NUM_THREADS'] = '1'
# Each run writes its config several times; formatting it would take longer than most tests.
yapf_api.FormatCode = lambda text, **kwargs: (text, False)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of torch.compile last, because it starts autograd's threads. Processes that are
    forked afterwards cannot run a backward pass."""
    items.sort(key=lambda item: 'test_compile_hook' in item.nodeid)


@pytest.fixture(scope='session')
def data_root() -> Path:
    """Folder of small real data: ``MMGUIDED_DATA``, or ``../shared/data``."""
    path = Path(os.environ.get('MMGUIDED_DATA', ROOT.parent / 'shared' / 'data'))
    if not path.is_dir():
        pytest.skip(f'MMGUIDED_DATA: no folder {path}')
    return path


@pytest.fixture
def golden():
    """Numbers of the released code: ``golden('mae')`` returns arrays as tensors and the
    geometry."""

    def load(name: str) -> tuple[dict, dict]:
        with np.load(ROOT / f'tests/data/golden/{name}.npz') as arrays:
            geometry = json.loads(str(arrays['geometry']))
            tensors = {k: torch.from_numpy(arrays[k]) for k in arrays.files if k != 'geometry'}
        return tensors, geometry

    return load


@pytest.fixture(scope='session')
def davis_masks() -> Path:
    """Two sequences in DAVIS-2017's layout without frames: annotations, predictions and their
    official scores. They are in ``MMGUIDED_GOLDEN``, or ``../shared/golden``."""
    folder = Path(os.environ.get('MMGUIDED_GOLDEN', ROOT.parent / 'shared' / 'golden'))
    if not (folder / 'davis_masks').is_dir():
        pytest.skip(f'MMGUIDED_GOLDEN: no davis_masks in {folder}')
    return folder / 'davis_masks'


@pytest.fixture(autouse=True)
def _no_loggers_of_other_tests():
    """Remove loggers of earlier Runners. The name of a Runner consists of its config and the
    second, so a Runner with the same name would reuse them and write to the output of an earlier
    test."""
    MMLogger._instance_dict.clear()
    MessageHub._instance_dict.clear()


@pytest.fixture(autouse=True)
def _release_lock():
    """MMEngine keeps the lock of its global instances if building one fails. A thread of a later
    test would wait for it forever."""
    yield
    while manager._lock._is_owned():
        manager._lock.release()


@pytest.fixture(autouse=True)
def _restore_signal_handlers():
    """Tools replace them, and interrupted runs do not restore them."""
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def _seed_and_scope():
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        yield
