"""Tells the guidance schedule what epoch it is."""
from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop

from mmguided.models import GuidanceSchedule
from mmguided.registry import HOOKS


@HOOKS.register_module()
class GuidanceScheduleHook(Hook):
    """Sets the clock of every :class:`GuidanceSchedule` in the model before each training step, in
    epochs and fractions, for epoch-based and iteration-based loops alike. Models without one are
    left alone."""

    def before_train(self, runner) -> None:
        self._schedules = [m for m in runner.model.modules() if isinstance(m, GuidanceSchedule)]
        loader = runner.train_dataloader
        # The sampler of an iteration-based loop has the length of the whole dataset everywhere.
        self._steps_per_epoch = (
            len(loader) if isinstance(runner.train_loop, EpochBasedTrainLoop) else
            len(loader.dataset) / (loader.batch_size * get_world_size()))

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:
        for schedule in self._schedules:
            schedule.set_epoch(runner.iter / self._steps_per_epoch)
