"""Run ``python -m torch.distributed.run`` after checking the config in a single process.

If a process fails, its own output states the reason; the traceback of torchrun is not shown. The
exit code is that of the process that ended first. SIGTERM, SIGINT and SIGUSR1 reach all processes,
which have ten minutes to save a checkpoint.
"""
import logging
import runpy
import signal
import sys

from mmguided.utils.errors import exit_on_config_error
from mmguided.utils.interruption import EXIT_CODE


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
    from torch.distributed.elastic.multiprocessing import PContext, SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    def forward(number, frame):
        raise SignalException(f'got signal {number}', signal.Signals(number))

    def close(context, death_sig=None, timeout=None):
        """Give processes time to save after a signal, and little time after an error."""
        stopped = isinstance(sys.exc_info()[1], SignalException)
        original_close(context, death_sig, 600 if stopped else 10)

    for name in ('agent.server.api', 'multiprocessing.api'):  # they repeat the line below
        logging.getLogger(f'torch.distributed.elastic.{name}').setLevel(logging.CRITICAL)
    original_close, PContext.close = PContext.close, close
    signal.signal(signal.SIGUSR1, forward)  # torchrun forwards the other signals itself
    try:
        run.main()
    except SignalException:
        sys.exit(EXIT_CODE)
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        if failure.exitcode != EXIT_CODE:
            print(f'error: process {rank} ended with code {failure.exitcode}; see its output above',
                  file=sys.stderr)
        sys.exit(max(failure.exitcode, 1))
