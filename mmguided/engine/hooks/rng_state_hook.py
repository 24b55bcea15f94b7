"""Exact resume: RNG states, position in the data, gradient accumulation."""
import logging
from functools import partial

import torch
from mmengine.dist import all_gather_object, get_rank, get_world_size
from mmengine.hooks import CheckpointHook
from mmengine.logging import print_log
from mmengine.runner import EpochBasedTrainLoop
from torch import nn

from mmguided.datasets import ResumedIterator, SeededBatches
from mmguided.registry import HOOKS
from mmguided.utils.rng_state import get_rng_state, set_rng_state

from .stateful_hook import StatefulHook


@HOOKS.register_module()
class RNGStateHook(StatefulHook):
    """Make a resumed run equal to an uninterrupted one.

    MMEngine resumes weights, optimizer, schedulers and the sampler's epoch, but reseeds all random
    number generators, and repeats the epoch if the checkpoint was saved within it.

    - For every rank, a checkpoint contains the states of ``random``, ``numpy.random``, ``torch``
      and the current CUDA device, and the sampler's seed. They are gathered after each training
      epoch, before each validation, and in iterations in which a ``CheckpointHook`` saves by
      iteration. Other hooks call :meth:`gather` before they save. The states are restored on
      resume, after each validation and before each training epoch. Validation therefore does not
      affect training.
    - A resumed run skips the past batches without loading them. Augmentations are seeded for each
      sample, see :class:`mmguided.datasets.SeededBatches`.
    - Gradient accumulation restarts in each epoch. The last step of an epoch accumulates the
      remaining batches. A checkpoint at the end of an epoch therefore needs no gradients.

    Resumed runs with the same number of ranks and batch size are bit-for-bit equal to uninterrupted
    runs if the operators are deterministic. If the number of iterations per epoch has changed, the
    run resumes at the same share of the epoch. If the number of ranks has changed, the hook
    logs a warning and restores no RNG states.
    """

    checkpoint_key = 'rng_states'
    # Just before CheckpointHook (VERY_LOW, 90), so that the state includes draws of other hooks.
    priority = 85

    def __init__(self) -> None:
        self._states: list[dict] | None = None
        self._training = False

    def state_dict(self) -> list[dict] | None:
        # Gathered earlier because CheckpointHook saves on the first rank only.
        return self._states

    def load_state_dict(self, state: list[dict]) -> None:
        self._states = state

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Convert the iteration if the number of iterations per epoch has changed. The runner
        resumes it after this call, before other hooks read it."""
        super().after_load_checkpoint(runner, checkpoint)
        before = self._loaded and self._loaded[0].get('iters_per_epoch')
        if before and isinstance(runner._train_loop, EpochBasedTrainLoop):
            meta = checkpoint['meta']
            meta['iter'] = round(meta['iter'] / before * len(runner.train_dataloader))

    def before_train(self, runner) -> None:
        super().before_train(runner)
        self._training = True
        self._iter_checkpoint_hooks = [
            hook for hook in runner.hooks if isinstance(hook, CheckpointHook) and not hook.by_epoch]
        self._is_epoch_based = isinstance(runner.train_loop, EpochBasedTrainLoop)
        self._seed_batches(runner)
        if runner.iter > 0:
            self._check_settings(runner)
            self._restore(runner)  # InterruptionHook may validate before the first epoch

    def _seed_batches(self, runner) -> None:
        loader, loop = runner.train_dataloader, runner.train_loop
        self._batches = SeededBatches(loader.batch_sampler, endless=not self._is_epoch_based)
        vars(loader)['batch_sampler'] = self._batches  # DataLoader forbids a plain assignment
        loader.generator = torch.Generator()  # else workers draw their seeds from the RNG of torch
        loader._iterator = None
        if not self._is_epoch_based:
            loop.dataloader_iterator = ResumedIterator(
                loader, 0 if hasattr(loop.dataloader_iterator, 'skip_iter') else runner.iter)

    def _check_settings(self, runner) -> None:
        """Compare the number of ranks and of iterations per epoch with the checkpoint."""
        saved, ranks = len(self._states or ()), get_world_size()
        if saved and not self._is_epoch_based:
            before, now = self._states[0].get('iters_per_epoch'), len(runner.train_dataloader)
            if before not in (None, now):
                print_log(
                    f'An epoch has {now} iterations, but had {before} in the checkpoint. The run '
                    f'stays at iteration {runner.iter}.', logger='current', level=logging.WARNING)
        if saved != ranks:
            print_log(f'Found RNG states of {saved} ranks in the checkpoint, but this run has '
                      f'{ranks}. They are not restored. Results differ from an uninterrupted run.',
                      logger='current', level=logging.WARNING)
            self._states = None

    def before_train_epoch(self, runner) -> None:
        self._restore(runner)
        first = runner.iter
        if self._is_epoch_based:
            num, loop = len(runner.train_dataloader), runner.train_loop
            first -= runner.epoch * num
            if first:
                loop.run_iter = partial(_run_later_iter, loop.run_iter, first)
            # MMEngine would warn of batch normalization in each epoch; this module has none.
            runner.optim_wrapper.initialize_count_status(nn.Identity(), first, num)
        self._batches.seed, self._batches.epoch = runner.seed, runner.epoch
        self._batches.start = first

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        for hook in self._iter_checkpoint_hooks:
            if hook.every_n_train_iters(runner, hook.interval, hook.save_begin) or (
                    hook.save_last and hook.is_last_train_iter(runner)):
                self.gather(runner)
                return

    def after_train_epoch(self, runner) -> None:
        vars(runner.train_loop).pop('run_iter', None)
        self.gather(runner)

    def after_train(self, runner) -> None:
        self._training = False

    def before_val(self, runner) -> None:
        if self._training:
            self.gather(runner)

    def after_val(self, runner) -> None:
        if self._training:
            self._restore(runner)

    def gather(self, runner) -> None:
        """Gather the states of all ranks for the next checkpoint. Call it on all ranks."""
        self._states = all_gather_object(get_rng_state() | dict(
            sampler_seed=getattr(self._batches.sampler, 'seed', None),
            iters_per_epoch=len(runner.train_dataloader)))

    def _restore(self, runner) -> None:
        if self._states is None:
            return
        state = self._states[get_rank()]
        set_rng_state(state)
        if state['sampler_seed'] is not None:
            # Without `randomness.seed`, MMEngine builds the sampler with a new seed on resume.
            self._batches.sampler.seed = state['sampler_seed']


def _run_later_iter(run_iter, first: int, batch_idx: int, data_batch) -> None:
    run_iter(first + batch_idx, data_batch)
