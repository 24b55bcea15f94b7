"""What runs of training have logged, without torch."""
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .errors import ConfigError

#: What a row of a log holds beside scalars of the training.
BOOKKEEPING = ('epoch', 'iter', 'step', 'time', 'data_time')


@dataclass(frozen=True)
class Curve:
    """A scalar over a run.

    Attributes:
        epochs: Where it was logged, ``(N, )``, counted from 0 at the start of the run.
        values: ``(N, )``.
    """
    epochs: np.ndarray
    values: np.ndarray


def read_log(work_dir: str | os.PathLike) -> list[dict]:
    """Rows that training has logged in a work dir, each with ``loss`` and ``step``, by rising step.
    A resumed run has several logs: from where a later one begins, it replaces those before.

    Raises:
        ConfigError: If there is no such folder, or no such row in it.
    """
    rows = []
    if not Path(work_dir).is_dir():
        raise ConfigError(f'work_dir={str(work_dir)!r}: no such folder; give the work dir of a run')
    for path in sorted(Path(work_dir).glob('*/vis_data/scalars.json')):
        part = [row for row in map(json.loads, path.read_text().splitlines()) if 'loss' in row]
        if part:
            rows = [row for row in rows if row['step'] < part[0]['step']] + part
    if not rows:
        raise ConfigError(f'work_dir={str(work_dir)!r}: no */vis_data/scalars.json in it holds a '
                          'loss; give the work dir of a training that has logged')
    return rows


def read_curves(work_dir: str | os.PathLike) -> dict[str, Curve]:
    """All scalars that a run has logged, by their names.

    Raises:
        ConfigError: See :func:`read_log`; and if the run counts iterations instead of epochs.
    """
    rows = read_log(work_dir)
    if 'epoch' not in rows[0]:
        raise ConfigError(f'work_dir={str(work_dir)!r}: its log has no epochs; give a run with '
                          'log_processor.by_epoch=True')
    length = epoch_length(rows)
    names = dict.fromkeys(name for row in rows for name in row if name not in BOOKKEEPING)
    return {name: Curve(*np.transpose([(row['step'] / length, row[name])
                                       for row in rows if name in row]))
            for name in names}


def epoch_length(rows: list[dict]) -> float:
    """Iterations in an epoch. The log counts anew in each epoch, so that it is the distance of the
    first rows of two epochs. In a single epoch, the last row is taken for its end."""
    first = {}
    for row in rows:
        first.setdefault(row['epoch'], row['step'])
    if len(first) == 1:
        return rows[-1]['step'] / rows[-1]['epoch']
    epochs, steps = np.array(list(first.items())).T
    return float(np.median(np.diff(steps) / np.diff(epochs)))


def shared_losses(runs: Mapping[str, Mapping[str, Curve]]) -> list[str]:
    """The losses worth comparing: the terms ``loss_*`` that two or more runs have, or else the sum
    ``loss``; of a single run every ``loss*``. Sums are of the terms that each method has."""
    names = [name for curves in runs.values() for name in curves if name.startswith('loss')]
    if len(runs) == 1:
        return names
    return [name for name in dict.fromkeys(names)
            if name != 'loss' and names.count(name) > 1] or ['loss']
