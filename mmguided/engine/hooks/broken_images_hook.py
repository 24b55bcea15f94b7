"""Report of the number of unreadable images."""
import torch
from mmengine.dist import all_reduce
from mmengine.hooks import Hook

from mmguided.registry import HOOKS


@HOOKS.register_module()
class BrokenImageReportHook(Hook):
    """Log the number of unreadable images of :class:`mmguided.datasets.ImageFolder` after each
    training epoch in which the number has grown.

    The dataset logs the path of each unreadable image. With several ranks, an image counts once for
    every rank that has read it.
    """

    def __init__(self) -> None:
        self._reported = 0

    def after_train_epoch(self, runner) -> None:
        num_broken = getattr(runner.train_dataloader.dataset, 'num_broken', None)
        if num_broken is None:
            return
        total = torch.tensor(num_broken)
        all_reduce(total)
        if total > self._reported:
            runner.logger.warning(
                f'{int(total)} of {len(runner.train_dataloader.dataset)} images are unreadable. '
                'Each was replaced by the next readable image.')
            self._reported = int(total)
