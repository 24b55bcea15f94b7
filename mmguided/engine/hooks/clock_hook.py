"""Sets the model's clock."""
from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop

from mmguided.registry import HOOKS
from mmguided.utils.errors import ConfigError
from mmguided.utils.modules import unwrap_ddp

from .exploitation_hook import ExploitationHook
from .momentum_update_hook import MomentumUpdateHook


@HOOKS.register_module()
class ClockHook(Hook):
    """Sets the model's :class:`mmguided.structures.Clock` before each epoch and each step, in loops
    of epochs and of iterations alike. Models without one, as in evaluation, are left alone.

    Raises:
        ConfigError: If the model has a momentum encoder and the run no :class:`MomentumUpdateHook`,
            or its guidance waits for a trigger and the run has no :class:`ExploitationHook`.
    """

    priority = 'VERY_HIGH'

    def before_train(self, runner) -> None:
        model = unwrap_ddp(runner.model)
        self._clock = getattr(model, 'clock', None)
        if getattr(model, 'momentum_encoder', None) is not None and not any(
                isinstance(hook, MomentumUpdateHook) for hook in runner.hooks):
            raise ConfigError('nobody moves the momentum encoder of the model: set default_hooks.'
                              "momentum_update=dict(type='mmguided.MomentumUpdateHook')")
        masks = getattr(model, 'mask_generator', None)
        if masks is not None and masks.waits_for_trigger and not any(
                isinstance(hook, ExploitationHook) and hook.fire for hook in runner.hooks):
            raise ConfigError("mask_generator.schedule.begin='trigger', and nothing fires it: add "
                              "dict(type='mmguided.ExploitationHook') to custom_hooks, or set an "
                              'epoch')
        loader = runner.train_dataloader
        # The sampler of an iteration-based loop has the length of the whole dataset everywhere.
        self._steps_per_epoch = (
            len(loader) if isinstance(runner.train_loop, EpochBasedTrainLoop) else
            len(loader.dataset) / (loader.batch_size * get_world_size()))

    def before_train_epoch(self, runner) -> None:
        """For hooks that act between epochs."""
        self._set(runner)

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:
        self._set(runner)

    def _set(self, runner) -> None:
        if self._clock is not None:
            self._clock.set(
                runner.iter / self._steps_per_epoch, runner.max_iters / self._steps_per_epoch)
