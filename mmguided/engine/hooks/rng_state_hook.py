"""RNG states in checkpoints."""
import logging

import numpy as np
import torch
from mmengine.dist import all_gather_object, get_rank, get_world_size
from mmengine.hooks import CheckpointHook
from mmengine.logging import print_log

from mmguided.registry import HOOKS
from mmguided.utils.rng_state import get_rng_state, set_rng_state

from .stateful_hook import StatefulHook


@HOOKS.register_module()
class RNGStateHook(StatefulHook):
    """Save the RNG states of all ranks, so that a resumed run equals an uninterrupted one.

    MMEngine resumes weights, optimizer, schedulers and the sampler's epoch, but reseeds all random
    number generators. This hook saves, for every rank, the states of ``random``, ``numpy.random``,
    ``torch`` and the current CUDA device, and the sampler's seed.

    - States are gathered from all ranks after each training epoch, before each validation, and in
      iterations in which an iteration-based ``CheckpointHook`` saves. They are restored on resume,
      after each validation and before each training epoch. Validation therefore does not affect
      training.
    - The training dataloader draws the seeds of its workers from a separate generator, seeded by
      (seed, iteration, rank) at the start of each epoch. Augmentations in workers are resumable
      with :func:`mmguided.datasets.worker_init_fn`.

    Epoch-based runs that resume at the end of an epoch with the same number of ranks, batch size
    and number of workers are bit-for-bit equal to uninterrupted runs if the operators are
    deterministic. In iteration-based runs this holds for the randomness of the model; for
    augmentations it requires ``num_workers=0``. MMEngine 0.10.7 (but not its maintained fork)
    reloads the data of past iterations on resume. With ``num_workers=0``, this advances the
    restored states. If the number of ranks has changed, the hook logs a warning and restores
    nothing.
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

    def before_train(self, runner) -> None:
        super().before_train(runner)
        self._training = True
        self._iter_checkpoint_hooks = [
            hook for hook in runner.hooks if isinstance(hook, CheckpointHook) and not hook.by_epoch]
        saved, ranks = len(self._states or ()), get_world_size()
        if runner.iter > 0 and saved != ranks:
            print_log(f'Found RNG states of {saved} ranks in the checkpoint, but this run has '
                      f'{ranks}. They are not restored. Results differ from an uninterrupted run.',
                      logger='current', level=logging.WARNING)
            self._states = None

    def before_train_epoch(self, runner) -> None:
        self._restore(runner)
        entropy = np.random.SeedSequence((runner.seed, runner.iter, get_rank()))
        generator = torch.Generator()
        generator.manual_seed(int(entropy.generate_state(1, np.uint64)[0]))
        runner.train_dataloader.generator = generator

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        for hook in self._iter_checkpoint_hooks:
            if hook.every_n_train_iters(runner, hook.interval, hook.save_begin) or (
                    hook.save_last and hook.is_last_train_iter(runner)):
                self.gather(runner)
                return

    def after_train_epoch(self, runner) -> None:
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
        sampler_seed = getattr(runner.train_dataloader.sampler, 'seed', None)
        self._states = all_gather_object(get_rng_state() | dict(sampler_seed=sampler_seed))

    def _restore(self, runner) -> None:
        if self._states is None:
            return
        state = self._states[get_rank()]
        set_rng_state(state)
        if state['sampler_seed'] is not None:
            # Without `randomness.seed`, MMEngine builds the sampler with a new seed on resume.
            runner.train_dataloader.sampler.seed = state['sampler_seed']
