"""Checkpoints every 15 minutes and when a signal stops the run."""
import copy
import math
import re
import signal
import sys
import time
from contextlib import ExitStack
from functools import partial

import torch
from mmengine.dist import get_world_size, is_main_process
from mmengine.hooks import CheckpointHook, EMAHook
from mmengine.runner import EpochBasedTrainLoop
from torch import distributed

from mmguided.registry import HOOKS
from mmguided.utils.interruption import EXIT_CODE, handle_signals, leave_signals_to_parent

from .rng_state_hook import RNGStateHook
from .stateful_hook import StatefulHook


@HOOKS.register_module()
class InterruptionHook(StatefulHook):
    """Save a checkpoint ``iter_N.pth`` every ``minutes``, and when a signal stops the run.

    On SIGTERM, SIGINT or SIGUSR1 the run finishes its step, saves, logs one line and exits with
    :data:`mmguided.utils.interruption.EXIT_CODE`. In a validation it also stops, but saves only if
    no EMAHook has exchanged the weights.

    Checkpoints are saved before a validation. If a validation is due at the resumed step, and the
    checkpoint was not saved again after this validation, the run validates first. Metrics and the
    best checkpoint therefore do not depend on the interruption.

    Several processes agree every 10 steps over gloo, on the CPU. The hook thus adds no
    synchronization with the device, and it is sufficient that one process receives the signal.
    With gradient accumulation, they agree only after complete optimizer steps.

    ``iter_N.pth`` is written by the ``CheckpointHook`` of the run. It is removed after the next
    checkpoint of either hook.

    Args:
        minutes: Time since the last checkpoint after which to save another.
    """

    checkpoint_key = 'mmguided_interruption'
    # After CheckpointHook (VERY_LOW, 90), so that no state is saved twice.
    priority = 95

    def __init__(self, minutes: float = 15) -> None:
        self.minutes = minutes
        self._files: list[str] = []  # names of the checkpoints of this hook
        self._progress = {}  # epoch and iteration of the checkpoint that this hook saves
        self._val_batches = 0  # validations stop only within a training
        self._validated = 0  # iteration of the last complete validation

    def state_dict(self) -> dict:
        return dict(files=self._files, validated=self._validated)

    def load_state_dict(self, state: dict | list[str]) -> None:
        if isinstance(state, list):  # checkpoints of earlier commits
            state = dict(files=state, validated=0)
        # A checkpoint may contain any names, but only these files may be removed.
        self._files = [name for name in state['files'] if re.fullmatch(r'iter_\d+\.pth', name)]
        self._validated = state['validated']

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        super().before_save_checkpoint(runner, checkpoint)
        checkpoint['meta'].update(self._progress)  # FlexibleRunner has replaced it

    def before_train(self, runner) -> None:
        super().before_train(runner)
        self._signal = 0
        self._handlers = ExitStack()
        self._handlers.enter_context(handle_signals(self._handle))
        self._checkpoint_hook = next(
            hook for hook in runner.hooks if isinstance(hook, CheckpointHook))
        self._is_epoch_based = isinstance(runner.train_loop, EpochBasedTrainLoop)
        validation = [runner.val_dataloader] if runner.val_loop else []
        for loader in (runner.train_dataloader, *validation):
            loader.worker_init_fn = partial(leave_signals_to_parent, loader.worker_init_fn)
        steps = getattr(runner.optim_wrapper, '_accumulative_counts', 1)
        self._interval, self._group = steps, None
        self._val_batches = torch.tensor(sum(map(len, validation)))
        if get_world_size() > 1:
            self._interval = steps * math.ceil(10 / steps)
            self._group = distributed.new_group(backend='gloo')
            distributed.all_reduce(self._val_batches, distributed.ReduceOp.MIN, self._group)
        self._mark_saved(runner, runner.iter)
        if self._validation_is_due(runner):
            runner.val_loop.run()

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        step = runner.iter + 1
        # For the end of an epoch, see after_train_epoch.
        if self._is_epoch_based and self.end_of_epoch(runner.train_dataloader, batch_idx):
            return
        if (batch_idx + 1) % self._interval == 0 and step < runner.max_iters:
            self._check(runner, step, runner.epoch)

    def after_train_epoch(self, runner) -> None:
        if self._is_epoch_based and runner.epoch + 1 < runner.max_epochs:
            self._check(runner, runner.iter, runner.epoch + 1)

    def after_val_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        agrees = batch_idx < self._val_batches and (batch_idx + 1) % self._interval == 0
        if agrees and (stop := self._agree(self._signal)):
            # RNGStateHook has gathered the states before the validation.
            if not any(isinstance(hook, EMAHook) for hook in runner.hooks):
                self._save(runner, runner.iter, runner.epoch)
            self._stop(runner, runner.iter, stop)
        # CheckpointHook may save the checkpoint again after the last batch.
        if batch_idx + 1 == len(runner.val_dataloader):
            self._validated = runner.iter

    def after_train(self, runner) -> None:
        self._handlers.close()

    def _validation_is_due(self, runner) -> bool:
        """Return True if an uninterrupted run validates after the step from which this run
        resumes, and the checkpoint does not contain this validation."""
        if runner.val_loop is None or runner.iter in (0, self._validated):
            return False
        loop = runner.train_loop
        loop._decide_current_val_interval()
        done, last = (runner.epoch, runner.max_epochs) if self._is_epoch_based else (
            runner.iter, runner.max_iters)
        # Within an epoch, or after its last step, the loop validates later.
        at_start = not self._is_epoch_based or (
            runner.iter == runner.epoch * len(runner.train_dataloader))
        return at_start and done >= loop.val_begin and (
            done % loop.val_interval == 0 or done == last)

    def _handle(self, number: int, frame: object) -> None:
        self._signal = number

    def _agree(self, vote: int) -> int:
        """Maximum of the votes of all processes."""
        if self._group is None:
            return vote
        votes = torch.tensor(vote)
        distributed.all_reduce(votes, distributed.ReduceOp.MAX, self._group)
        return int(votes)

    def _check(self, runner, step: int, epoch: int) -> None:
        """Save if it is time, or if a process has received a signal; in this case also stop."""
        if _last_checkpoint(runner) != self._last:  # CheckpointHook has saved
            self._mark_saved(runner, step)
            self._remove_files(keep=0)
        is_due = time.monotonic() - self._time > 60 * self.minutes
        vote = self._agree(max(self._signal, int(is_due)))  # no signal has the number 1
        if vote:
            for hook in runner.hooks:
                if isinstance(hook, RNGStateHook):
                    hook.gather(runner)
            self._save(runner, step, epoch)
        if vote > 1:
            self._stop(runner, step, vote)

    def _save(self, runner, step: int, epoch: int) -> None:
        if step == self._step:
            return
        hook = copy.copy(self._checkpoint_hook)
        hook.by_epoch, hook.filename_tmpl, hook.max_keep_ckpts = False, 'iter_{}.pth', -1
        self._files = [*self._files, hook.filename_tmpl.format(step)]
        self._progress = dict(epoch=epoch, iter=step)
        hook._save_checkpoint_with_step(runner, step, dict(self._progress))
        self._progress = {}
        if _last_checkpoint(runner) == self._last:  # saving has failed; try again later
            self._files.pop()
            self._time = time.monotonic()
        else:
            self._mark_saved(runner, step)
            self._remove_files(keep=1)

    def _mark_saved(self, runner, step: int) -> None:
        self._step, self._last, self._time = step, _last_checkpoint(runner), time.monotonic()

    def _remove_files(self, keep: int) -> None:
        backend = self._checkpoint_hook.file_backend
        while len(self._files) > keep:
            path = backend.join_path(self._checkpoint_hook.out_dir, self._files.pop(0))
            if is_main_process() and backend.isfile(path):
                backend.remove(path)

    def _stop(self, runner, step: int, number: int) -> None:
        if self._group is not None:
            distributed.barrier(self._group)  # the main process may still be saving
        runner.logger.warning(
            f'Stopped by {signal.Signals(number).name} after iteration {step}. Resume with the '
            f'same command and --resume. Last checkpoint: {self._last or "none"}')
        runner.call_hook('after_run')
        sys.exit(EXIT_CODE)


def _last_checkpoint(runner) -> str | None:
    return runner.message_hub.runtime_info.get('last_ckpt')
