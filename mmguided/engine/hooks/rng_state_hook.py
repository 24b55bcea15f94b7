"""Random states in checkpoints."""
import logging

import numpy as np
import torch
from mmengine.dist import all_gather_object, get_rank, get_world_size
from mmengine.hooks import CheckpointHook, Hook
from mmengine.logging import print_log

from mmguided.registry import HOOKS
from mmguided.utils.rng_state import get_rng_state, set_rng_state

CHECKPOINT_KEY = 'rng_states'


@HOOKS.register_module()
class RNGStateHook(Hook):
    """Makes a resumed run equal the uninterrupted one.

    MMEngine resumes weights, optimizer, schedulers and the sampler's epoch, but starts all random
    streams anew. This hook stores, for every rank, the states of ``random``, ``numpy.random``,
    ``torch`` and the rank's current CUDA device, and the sampler's seed, under ``'rng_states'`` of
    the checkpoint (plain types and tensors that ``torch.load(weights_only=True)`` accepts).

    - States are gathered from all ranks after each training epoch, before each validation, and in
      the iterations in which an iteration-based ``CheckpointHook`` saves. They are set when a run
      is resumed (not with a mere ``load_from``), after each validation, and before each training
      epoch, so that it makes no difference whether validation runs and how much randomness it uses.
    - The training dataloader draws the seed of its workers from a generator of its own, seeded by
      (seed, iteration, rank) at the start of each epoch: see
      :func:`mmguided.datasets.worker_init_fn`, which it takes to make augmentations in workers
      resumable.

    Resumed equals uninterrupted, bit for bit as far as the operators are deterministic, for
    epoch-based loops resumed at an epoch's end with the same number of ranks, batch size and number
    of workers. For iteration-based loops the randomness of the model is resumed likewise, while
    that of augmentations is resumed with ``num_workers=0`` only. MMEngine 0.10.7 (but not its
    maintained fork) loads the passed iterations' data again on resume, and with ``num_workers=0``
    thereby draws from the states that were just set. With another number of ranks a warning is
    logged and streams start anew.
    """

    # Just before CheckpointHook (VERY_LOW, 90): whatever others draw must be in the saved state.
    priority = 85

    def __init__(self) -> None:
        self._states: list[dict] | None = None
        self._training = False

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Takes the states; whether the run is resumed is known only when training starts."""
        self._states = checkpoint.get(CHECKPOINT_KEY)

    def before_train(self, runner) -> None:
        """Drops states that do not belong to this run."""
        self._training = True
        self._iter_checkpoint_hooks = [
            hook for hook in runner.hooks if isinstance(hook, CheckpointHook) and not hook.by_epoch]
        resumed = runner.iter > 0
        if not resumed:
            self._states = None
        elif self._states is None:
            self._warn_fresh('the checkpoint has none')
        elif len(self._states) != get_world_size():
            self._warn_fresh(f'the checkpoint has those of {len(self._states)} ranks, while this '
                             f'run has {get_world_size()}')
            self._states = None

    def before_train_epoch(self, runner) -> None:
        """Goes on from where the last training epoch ended, in this process or before resuming."""
        self._restore(runner)
        entropy = np.random.SeedSequence((runner.seed, runner.iter, get_rank()))
        generator = torch.Generator()
        generator.manual_seed(int(entropy.generate_state(1, np.uint64)[0]))
        runner.train_dataloader.generator = generator

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """Gathers the states if an iteration-based CheckpointHook is about to save."""
        for hook in self._iter_checkpoint_hooks:
            if hook.every_n_train_iters(runner, hook.interval, hook.save_begin) or (
                    hook.save_last and hook.is_last_train_iter(runner)):
                self._gather(runner)
                return

    def after_train_epoch(self, runner) -> None:
        """Gathers the states for checkpoints and for the next epoch."""
        self._gather(runner)

    def after_train(self, runner) -> None:
        """Leaves later validations alone."""
        self._training = False

    def before_val(self, runner) -> None:
        """Gathers the states for the best checkpoint and for going on afterwards."""
        if self._training:
            self._gather(runner)

    def after_val(self, runner) -> None:
        """Undoes what validation drew."""
        if self._training:
            self._restore(runner)

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Adds the gathered states. Runs on the first rank only, so it cannot gather itself."""
        if self._states is not None:
            checkpoint[CHECKPOINT_KEY] = self._states

    def _gather(self, runner) -> None:
        self._states = all_gather_object(_get_state(runner))

    def _restore(self, runner) -> None:
        if self._states is not None:
            _set_state(runner, self._states[get_rank()])

    @staticmethod
    def _warn_fresh(reason: str) -> None:
        print_log(f'Random streams start anew, for {reason}: the resumed run will differ from an '
                  'uninterrupted one.', logger='current', level=logging.WARNING)


def _get_state(runner) -> dict:
    return get_rng_state() | dict(
        sampler_seed=getattr(runner.train_dataloader.sampler, 'seed', None))


def _set_state(runner, state: dict) -> None:
    set_rng_state(state)
    if state['sampler_seed'] is not None:
        # Without `randomness.seed`, MMEngine built it with a seed of its own before resuming.
        runner.train_dataloader.sampler.seed = state['sampler_seed']
