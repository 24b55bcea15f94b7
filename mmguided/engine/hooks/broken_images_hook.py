"""Report of unreadable images."""
import torch
from mmengine.dist import all_reduce
from mmengine.hooks import Hook

from mmguided.registry import HOOKS


@HOOKS.register_module()
class BrokenImageReportHook(Hook):
    """After each training epoch in which :class:`mmguided.datasets.ImageFolder` met further
    unreadable images, logs one warning with their number. (Each path is warned of when met.) With
    several ranks, an image is counted once for each rank that met it."""

    def __init__(self) -> None:
        self._reported = 0

    def after_train_epoch(self, runner) -> None:
        """Sums over ranks and reports."""
        num_broken = getattr(runner.train_dataloader.dataset, 'num_broken', None)
        if num_broken is None:
            return
        total = torch.tensor(num_broken)
        all_reduce(total)
        if total > self._reported:
            runner.logger.warning(
                f'{int(total)} unreadable images were skipped so far (of '
                f'{len(runner.train_dataloader.dataset)}; each replaced by the next readable one).')
            self._reported = int(total)
