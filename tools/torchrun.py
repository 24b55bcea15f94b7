"""``python -m torch.distributed.run``, without its stack when a process fails: that process has
already said why."""
import sys

from torch.distributed import run
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

if __name__ == '__main__':
    try:
        run.main()
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        sys.exit(f'error: process {rank} ended with code {failure.exitcode}; its output is above')
