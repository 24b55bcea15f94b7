"""Many runs of the tools by one command: what ``guidance_study.py`` and ``evaluate.py`` share."""
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from statistics import mean

from mmengine.config import Config

from mmguided.utils.configs import walk
from mmguided.utils.errors import ConfigError


def options_of(cfg: Config, options: Mapping[str, object]) -> dict[str, object]:
    """Those of ``--cfg-options`` for which a config has a place: the field itself, or the dict that
    it would be in."""
    names = {name for field in cfg for name, _ in walk(cfg[field], field)} | set(cfg)
    return {key: value for key, value in options.items()
            if key in names or key.rpartition('.')[0] in names}


def run_logged(what: str, log: Path, *command: object, threads: int | None = None) -> None:
    """Run a command with all of its output in a file.

    Args:
        what: What it is for, the beginning of the error.
        log: File of the output.
        *command: The program and its arguments.
        threads: CPU threads of each process; None leaves it to torch.

    Raises:
        ConfigError: If it fails, with its last line, which for our tools is the reason.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    script = Path(command[1]).name
    print(f'{what}: {script} runs, see {log}', flush=True)
    env = os.environ | ({} if threads is None else dict(OMP_NUM_THREADS=str(threads)))
    with open(log, 'w') as file:
        done = subprocess.run([*map(str, command)], stdout=file, stderr=subprocess.STDOUT, env=env)
    if done.returncode:
        last = log.read_text(errors='replace').strip().rpartition('\n')[2]
        raise ConfigError(f'{what}: {script} stopped, see {log} '
                          f'({last.removeprefix("error: ")[:200] or "no output"})')


def run_all(runs: Sequence[Callable[[], dict]], jobs: int) -> Iterator[dict]:
    """Results of the runs, ``jobs`` at once, in the order in which they finish. One that fails does
    not stop the others.

    Raises:
        ConfigError: At the end, with the errors of all that failed.
    """
    errors = []
    with ThreadPoolExecutor(jobs) as pool:
        for future in as_completed([pool.submit(run) for run in runs]):
            if future.exception():
                errors.append(future.exception())
            else:
                yield future.result()
    if errors:
        raise ConfigError('; '.join(map(str, errors)))


def mean_and_spread(values: Sequence[float], digits: int) -> str:
    """``'41.0 ± 1.0'``, the mean and half of the range; the mean alone of one value; ``'-'`` of
    none."""
    if not values:
        return '-'
    spread = (max(values) - min(values)) / 2
    return f'{mean(values):.{digits}f}' + (f' ± {spread:.{digits}f}' if len(values) > 1 else '')
