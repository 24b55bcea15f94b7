"""Signals that stop a run, without torch."""
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
#: Exit code of a run that a signal has stopped: EX_TEMPFAIL of sysexits.h, "try again".
EXIT_CODE = 75


@contextmanager
def handle_signals(handler: Callable) -> Iterator[None]:
    """Call ``handler(number, frame)`` on a signal. Signals that the parent ignores (``nohup``,
    background jobs) stay ignored. After an error, the handler stays, so that a second signal does
    not change the exit code. Threads other than the main thread cannot handle signals."""
    is_main = threading.current_thread() is threading.main_thread()
    previous = {number: signal.signal(number, handler) for number in SIGNALS
                if is_main and signal.getsignal(number) != signal.SIG_IGN}
    yield
    for number, old in previous.items():
        signal.signal(number, old)


def exit_before_training(number: int, frame: object) -> None:
    """Signal handler: exit if there is nothing to save."""
    if os.environ.get('RANK', '0') == '0':
        print(f'Stopped by {signal.Signals(number).name} before training. Run the same command '
              'again.', file=sys.stderr)
    sys.exit(EXIT_CODE)


def leave_signals_to_parent(worker_init_fn: Callable | None, worker_id: int) -> None:
    """Initialize a data loader worker that ends only with its parent.

    Ctrl-C, Slurm and torchrun send a signal to the main process and its workers. Without workers,
    the main process could not finish its step.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    if hasattr(signal, 'sigwaitinfo'):  # not on macOS
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        threading.Thread(target=_exit_on_sigterm_of_parent, daemon=True).start()
    if worker_init_fn:
        worker_init_fn(worker_id)


def _exit_on_sigterm_of_parent() -> None:
    while signal.sigwaitinfo([signal.SIGTERM]).si_pid != os.getppid():
        pass
    os._exit(0)
