"""Run many tool commands in parallel, and summarize their results."""
import fnmatch
import os
import re
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from statistics import mean

from mmengine.config import Config

from mmguided.utils.configs import walk
from mmguided.utils.errors import ConfigError

#: Metrics in percent of correct predictions.
ACCURACIES = ('accuracy/top1', 'knn/top1_*', 'occlusion *', 'shuffle *')
#: Metrics that tables and figures show. If a protocol has none of them, they show all metrics.
MAIN_METRICS = (*ACCURACIES, 'coco/*_mAP', 'mIoU', 'davis/J&F-Mean')
#: Warning of mmguided in a log: a field and its problem. MMEngine's warnings have another form.
WARNING = re.compile(r' - WARNING - (\S+: .+)')


def options_of(cfg: Config, options: Mapping[str, object]) -> dict[str, object]:
    """Select the ``--cfg-options`` whose field, or the parent of this field, exists in a config."""
    names = {name for field in cfg for name, _ in walk(cfg[field], field)} | set(cfg)
    return {key: value for key, value in options.items()
            if key in names or key.rpartition('.')[0] in names}


def run_logged(title: str, log: Path, *command: object, threads: int | None = None) -> None:
    """Run a command and write its output to a file. Warnings in the output are also printed,
    because they may say that the result is wrong.

    Args:
        title: Start of the messages about the command.
        log: File of the output.
        *command: The program and its arguments.
        threads: CPU threads of each process; None leaves the number to torch.

    Raises:
        ConfigError: If the command fails, with the last line of its output, in which our tools
            state the reason.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    script = Path(command[1]).name
    print(f'{title}: running {script}, see {log}', flush=True)
    env = os.environ | ({} if threads is None else dict(OMP_NUM_THREADS=str(threads)))
    with open(log, 'w') as file:
        done = subprocess.run([*map(str, command)], stdout=file, stderr=subprocess.STDOUT, env=env)
    output = log.read_text(errors='replace')
    for warning in dict.fromkeys(WARNING.findall(output)):
        print(f'{title}: warning: {warning}', file=sys.stderr, flush=True)
    if done.returncode:
        last = output.strip().rpartition('\n')[2]
        raise ConfigError(f'{title}: {script} failed, see {log} '
                          f'({last.removeprefix("error: ")[:600] or "no output"})')


def run_all(runs: Sequence[Callable[[], dict]], jobs: int) -> Iterator[dict]:
    """Call the runs, ``jobs`` at a time, and yield their results as they finish. A failed run does
    not stop the others; its error is printed at once. No further run starts after Ctrl-C or an
    error of the caller.

    Raises:
        ConfigError: If a run fails; raised after all runs, with all errors. Another exception of a
            run is raised as it is.
    """
    errors, pool = [], ThreadPoolExecutor(jobs)
    try:
        for future in as_completed([pool.submit(run) for run in runs]):
            error = future.exception()
            if error:
                errors.append(error)
                print(f'{type(error).__name__}: {error}', file=sys.stderr, flush=True)
            else:
                yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)
    if errors:
        raise next((error for error in errors if not isinstance(error, ConfigError)),
                   ConfigError('; '.join(map(str, errors))))


def is_accuracy(metric: str) -> bool:
    """Return True if a metric is the percentage of correct predictions."""
    return _matches(metric, ACCURACIES)


def _matches(metric: str, patterns: Collection[str]) -> bool:
    return any(fnmatch.fnmatch(metric, pattern) for pattern in patterns)


def main_metrics(results: Collection[dict]) -> list[str]:
    """Names of the metrics of a protocol's results that tables show."""
    metrics = list(dict.fromkeys(metric for result in results for metric in result['metrics']))
    return [metric for metric in metrics if _matches(metric, MAIN_METRICS)] or metrics


def mean_and_spread(values: Sequence[float], digits: int) -> str:
    """Format the mean and half of the range, ``'41.0 ± 1.0'``; only the mean of a single value;
    ``'-'`` without values."""
    if not values:
        return '-'
    spread = (max(values) - min(values)) / 2
    return f'{mean(values):.{digits}f}' + (f' ± {spread:.{digits}f}' if len(values) > 1 else '')
