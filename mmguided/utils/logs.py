"""Training logs: read them without torch."""
import itertools
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .errors import ConfigError

#: Fields of a log row that are not measured scalars.
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
    """Read the log rows of a work dir in the order of the run: training rows, which have a
    ``loss``, and evaluation rows. A resumed run has several logs; a later log replaces earlier
    rows from its first step on.

    Raises:
        ConfigError: If the folder does not exist or contains no training row, or a log has an
            invalid line other than its last.
    """
    rows = []
    if not Path(work_dir).is_dir():
        raise ConfigError(f'work_dir={str(work_dir)!r}: no such folder. Give the folder of a run.')
    for path in sorted(Path(work_dir).glob('*/vis_data/scalars.json')):
        part = read_json_lines(path)
        first = next((row['step'] for row in part if 'loss' in row), None)
        if first is not None:
            kept = next((number for number, row in enumerate(rows)
                         if 'loss' in row and row['step'] >= first), len(rows))
            # A resumed run may repeat a validation before its first step.
            repeated = {row['step'] for row in itertools.takewhile(
                lambda row: 'loss' not in row, part)}
            while kept and 'loss' not in rows[kept - 1] and rows[kept - 1]['step'] in repeated:
                kept -= 1
            rows = rows[:kept] + part
    if not rows:
        raise ConfigError(f'work_dir={str(work_dir)!r}: no loss in any */vis_data/scalars.json. '
                          'Give the work dir of a run that has logged a loss.')
    return rows


def read_json_lines(path: Path) -> list[dict]:
    """Read a JSON object per line. The last line is left out if a killed run has cut it.

    Raises:
        ConfigError: If another line is invalid.
    """
    rows, lines = [], path.read_text(errors='replace').splitlines()
    for number, line in enumerate(lines, 1):
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError as error:
            if number < len(lines):
                raise ConfigError(f"log='{path}': line {number} is not JSON ({error}). Delete the "
                                  'line.') from error
    return rows


def read_curves(work_dir: str | os.PathLike) -> dict[str, Curve]:
    """Read all scalars of a run, by name: training scalars, and metrics of evaluations.

    Raises:
        ConfigError: See :func:`read_log`; also if the run counts iterations instead of epochs.
    """
    rows = read_log(work_dir)
    training = [row for row in rows if 'loss' in row]
    if 'epoch' not in training[0]:
        raise ConfigError(f'work_dir={str(work_dir)!r}: the log has no epochs. Give a run with '
                          'log_processor.by_epoch=True.')
    length, points = epoch_length(training), {}
    epoch = training[0]['epoch'] - 1  # of validations before the first step of a resumed run
    for row in rows:
        epoch = row.get('epoch', epoch)
        # The step of a validation is its epoch; all other rows count iterations.
        time = epoch if row['step'] == epoch and 'epoch' not in row else row['step'] / length
        for name, value in row.items():
            if name not in BOOKKEEPING:
                points.setdefault(name, []).append((time, value))
    return {name: Curve(*np.transpose(values)) for name, values in points.items()}


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
