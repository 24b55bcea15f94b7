"""Tells the guidance schedule what epoch it is."""
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper

from mmguided.registry import HOOKS


@HOOKS.register_module()
class GuidanceScheduleHook(Hook):
    """Sets the clock of the model's :class:`GuidanceSchedule` before each training step, in epochs
    and fractions, for epoch-based and iteration-based loops alike. Models without one are left
    alone."""

    def before_train(self, runner) -> None:
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        self._schedule = getattr(getattr(model, 'mask_generator', None), 'schedule', None)

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:
        if self._schedule is not None:
            self._schedule.set_epoch(runner.iter / len(runner.train_dataloader))
