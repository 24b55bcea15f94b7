"""Stop runs that have diverged."""
from collections import deque
from pathlib import Path

import torch
from mmengine.dist import all_reduce, get_rank
from mmengine.hooks import Hook
from torch import nn

from mmguided.registry import HOOKS
from mmguided.utils.checkpoints import non_finite
from mmguided.utils.errors import DivergedError


@HOOKS.register_module()
class FiniteHook(Hook):
    """Stop a run whose loss is NaN or Inf in ``patience`` consecutive steps, or in the last step if
    a weight is NaN or Inf, too.

    The loss is checked on the device. The result is read every ``interval`` steps, so the hook adds
    no synchronization to the other steps. A step that AMP's gradient scaler skips has a finite
    loss and does not count.

    Args:
        patience: Number of consecutive steps.
        interval: Steps between two reads.

    Raises:
        DivergedError: The message names the iteration, the first weight that is NaN or Inf, the
            last checkpoint, and a file in the work dir with the images of the first such batch.
    """

    def __init__(self, patience: int = 10, interval: int = 50) -> None:
        self.patience = patience
        self.interval = interval

    def before_train(self, runner) -> None:
        self._streak = torch.zeros((), dtype=torch.long)
        self._batches = deque(maxlen=self.patience + self.interval)

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        loss = outputs['loss'].detach()
        self._streak = torch.where(loss.isfinite(), 0, self._streak.to(loss.device) + 1)
        samples = data_batch.get('data_samples') if isinstance(data_batch, dict) else None
        if isinstance(samples, dict):  # with cached scores
            samples = samples.get('samples')
        # Only names, because annotations may occupy gigabytes of shared memory.
        self._batches.append([getattr(sample, 'img_path', '') for sample in (
            samples if isinstance(samples, (list, tuple)) else ())])
        last = self.is_last_train_iter(runner)
        if last or self.every_n_train_iters(runner, self.interval):
            streak = self._streak.clone()
            all_reduce(streak, 'max')
            if int(streak) >= self.patience or (
                    last and int(streak) and first_non_finite(runner.model)):
                raise DivergedError(self._report(runner, int(streak)))

    def _report(self, runner, streak: int) -> str:
        names = self._batches[-streak]
        images = Path(runner.work_dir) / f'diverged_rank{get_rank()}.txt'
        try:
            images.write_text('\n'.join(names))
        except OSError:  # a full disk must not change the exit code
            images = ', '.join(map(repr, names[:3]))
        checkpoint = runner.message_hub.runtime_info.get('last_ckpt')
        return (f'loss: NaN or Inf in the last {streak} steps, since iteration '
                f'{runner.iter + 2 - streak}. First weight that is NaN or Inf: '
                f'{first_non_finite(runner.model) or "none"}. Images of this iteration: {images}. '
                f'Last checkpoint: {checkpoint or "none"}. Check these images, lower '
                'optim_wrapper.optimizer.lr, or clip the gradient: '
                '`--cfg-options optim_wrapper.clip_grad.max_norm=1`.')


def first_non_finite(model: nn.Module) -> str | None:
    """Name of the first weight or buffer with NaN or Inf."""
    return next(iter(non_finite(model.state_dict())), None)
