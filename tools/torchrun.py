"""Run ``python -m torch.distributed.run`` after checking the config in a single process.

If a process fails, its own output states the reason; the traceback of torchrun is not shown.
"""
import runpy
import sys

from mmguided.utils.errors import exit_on_config_error


@exit_on_config_error
def check_command() -> None:
    """Read the config in the same way as the script of this command line."""
    command = sys.argv
    script = next(i for i, word in enumerate(command) if i and word.endswith('.py'))
    sys.argv = command[script:]
    runpy.run_path(command[script])['read_config']()
    sys.argv = command


if __name__ == '__main__':
    check_command()
    from torch.distributed import run
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    try:
        run.main()
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        sys.exit(f'error: process {rank} ended with code {failure.exitcode}; see its output above')
