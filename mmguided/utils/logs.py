"""Training logs: read them without torch."""
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .errors import ConfigError

#: Fields of a log row that are not training scalars.
BOOKKEEPING = ('epoch', 'iter', 'step', 'time', 'data_time')


@dataclass(frozen=True)
class Curve:
    """Values of a scalar during a run.

    Attributes:
        epochs: ``(N, )``, counted from 0 at the start of the run.
        values: ``(N, )``.
    """
    epochs: np.ndarray
    values: np.ndarray


def read_log(work_dir: str | os.PathLike) -> list[dict]:
    """Read the log rows with a ``loss`` from a work dir, sorted by ``step``. A resumed run has
    several logs; a later log replaces earlier rows from its first step on.

    Raises:
        ConfigError: If the folder does not exist or contains no such row.
    """
    rows = []
    if not Path(work_dir).is_dir():
        raise ConfigError(f'work_dir={str(work_dir)!r}: no such folder. Give the folder of a run.')
    for path in sorted(Path(work_dir).glob('*/vis_data/scalars.json')):
        part = [row for row in map(json.loads, path.read_text().splitlines()) if 'loss' in row]
        if part:
            rows = [row for row in rows if row['step'] < part[0]['step']] + part
    if not rows:
        raise ConfigError(f'work_dir={str(work_dir)!r}: no loss in any */vis_data/scalars.json. '
                          'Give the work dir of a run that has logged a loss.')
    return rows


def read_curves(work_dir: str | os.PathLike) -> dict[str, Curve]:
    """Read all scalars of a run, by name.

    Raises:
        ConfigError: See :func:`read_log`; also if the run counts iterations instead of epochs.
    """
    rows = read_log(work_dir)
    if 'epoch' not in rows[0]:
        raise ConfigError(f'work_dir={str(work_dir)!r}: the log has no epochs. Give a run with '
                          'log_processor.by_epoch=True.')
    length = epoch_length(rows)
    names = dict.fromkeys(name for row in rows for name in row if name not in BOOKKEEPING)
    return {name: Curve(*np.transpose([(row['step'] / length, row[name])
                                       for row in rows if name in row]))
            for name in names}


def epoch_length(rows: list[dict]) -> float:
    """Iterations per epoch: the distance between the first rows of two epochs. If there is a single
    epoch, the last row counts as the end of the epoch."""
    first = {}
    for row in rows:
        first.setdefault(row['epoch'], row['step'])
    if len(first) == 1:
        return rows[-1]['step'] / rows[-1]['epoch']
    epochs, steps = np.array(list(first.items())).T
    return float(np.median(np.diff(steps) / np.diff(epochs)))


def shared_losses(runs: Mapping[str, Mapping[str, Curve]]) -> list[str]:
    """Names of the losses to compare. For a single run, these are all ``loss*``. For several runs,
    these are the terms ``loss_*`` of at least two runs, or the sum ``loss`` if there are none."""
    names = [name for curves in runs.values() for name in curves if name.startswith('loss')]
    if len(runs) == 1:
        return names
    return [name for name in dict.fromkeys(names)
            if name != 'loss' and names.count(name) > 1] or ['loss']
