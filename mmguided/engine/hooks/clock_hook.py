"""Update of the model's clock."""
from collections.abc import Iterator

from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop

from mmguided.models import CachedGuidance, MaskGenerator
from mmguided.registry import HOOKS
from mmguided.structures import Clock
from mmguided.utils.errors import ConfigError
from mmguided.utils.modules import unwrap_ddp

from .exploitation_hook import ExploitationHook, trigger_field
from .momentum_update_hook import MomentumUpdateHook


@HOOKS.register_module()
class ClockHook(Hook):
    """Set the model's :class:`mmguided.structures.Clock` before each epoch and each step.

    Works with epoch-based and iteration-based loops. Models without a clock are unaffected. A run
    that only loads weights (``load_from``) does not inherit the trigger. If a run resumes within an
    epoch, hooks between epochs read the time at the start of this epoch, as in an uninterrupted
    run. The hook logs a warning if guidance would begin only after the end of the run.

    Raises:
        ConfigError: If the model has a momentum encoder and the run has no
            :class:`MomentumUpdateHook`, or if a schedule begins at the trigger and the run has no
            :class:`ExploitationHook`.
    """

    priority = 'VERY_HIGH'

    def before_train(self, runner) -> None:
        model = unwrap_ddp(runner.model)
        self._clock = getattr(model, 'clock', None)
        if getattr(model, 'momentum_encoder', None) is not None and not any(
                isinstance(hook, MomentumUpdateHook) for hook in runner.hooks):
            raise ConfigError('model.momentum_encoder: no hook updates it. Set default_hooks.'
                              "momentum_update=dict(type='mmguided.MomentumUpdateHook').")
        field = trigger_field(runner.cfg)
        if field and not any(
                isinstance(hook, ExploitationHook) and hook.fire for hook in runner.hooks):
            raise ConfigError(f"{field}='trigger': no hook fires the trigger. Add "
                              "dict(type='mmguided.ExploitationHook') to custom_hooks, or set an "
                              'epoch.')
        loader = runner.train_dataloader
        self._is_epoch_based = isinstance(runner.train_loop, EpochBasedTrainLoop)
        # On every rank, the sampler of an iteration-based loop has the length of the whole dataset.
        self._steps_per_epoch = len(loader) if self._is_epoch_based else (
            len(loader.dataset) / (loader.batch_size * get_world_size()))
        if self._clock is not None and runner.iter == 0:
            self._clock.reset()
        if isinstance(masks := getattr(model, 'mask_generator', None), MaskGenerator):
            for problem in self._problems(masks, runner.max_iters / self._steps_per_epoch):
                runner.logger.warning(problem)

    def _problems(self, masks: MaskGenerator, epochs: float) -> Iterator[str]:
        """Describe shots whose guidance would begin only after the end of the run."""
        for shot in masks.shots:
            if shot.guidance is None or not shot.mask_ratio:
                continue
            # Cached scores are computed at the start of an epoch.
            is_cached = isinstance(shot.guidance, CachedGuidance)
            last = Clock.at_end(epochs - (1 if is_cached else 1 / self._steps_per_epoch), epochs)
            if not shot.is_guided(Clock()) and not shot.is_guided(last):
                yield (f'mask_generator.schedule={shot.schedule}: guidance would begin after the '
                       f'end of the run ({epochs:g} epochs), so the shot before layer {shot.layer} '
                       'masks at random. Set an earlier begin, or train longer.')

    def before_train_epoch(self, runner) -> None:
        self._set(runner, runner.epoch * self._steps_per_epoch if self._is_epoch_based else
                  runner.iter)

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:
        self._set(runner, runner.iter)

    def _set(self, runner, step: float) -> None:
        if self._clock is not None:
            self._clock.set(step / self._steps_per_epoch, runner.max_iters / self._steps_per_epoch)
