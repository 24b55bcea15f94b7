"""Draws what the model attends to, hides and rebuilds, while it trains."""
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from mmcv import imwrite
from mmengine.dataset import pseudo_collate
from mmengine.dist import master_only
from mmengine.hooks import Hook

from mmguided.inspection import Inspection, inspect_batch
from mmguided.registry import DATASETS, HOOKS
from mmguided.utils.modules import unwrap_ddp
from mmguided.utils.rng_state import preserve_rng_state


@HOOKS.register_module()
class FigureSheetHook(Hook):
    """After the first epoch, the last, and every ``interval``-th, draws a sheet of a few images,
    see :func:`mmguided.visualization.draw_sheet`.

    The sheets go to ``work_dir/figures/epoch_N.png`` and to the visualizer's backends, such as
    TensorBoard. The noise of the masks is the same in all of them, and the training's random
    numbers are left as they were.

    Training never stops because of figures: of what fails, such as a disk that is full, there is
    one warning. They are drawn and written in a thread beside it, which the end of training waits
    for.

    Args:
        dataset: Config of a dataset without random augmentation.
        indices: Which of its images to draw.
        interval: Epochs between sheets; 0 draws the first and the last only.
        seed: Seed of the masks.
    """
    priority = 'LOW'

    def __init__(self,
                 dataset: dict,
                 indices: Sequence[int] = (0, 1, 2, 3),
                 interval: int = 0,
                 seed: int = 0) -> None:
        self.dataset_cfg = dataset
        self.indices = indices
        self.interval = interval
        self.seed = seed
        self._batch: dict | None = None
        self._warned: set[str] = set()

    @master_only
    def before_train(self, runner) -> None:
        """Reads the images."""
        self._thread = ThreadPoolExecutor(1)
        with preserve_rng_state():
            self._batch = self._try(runner, 'there will be none', self._read)

    def _read(self) -> dict:
        dataset = DATASETS.build(self.dataset_cfg)
        batch = pseudo_collate([dataset[i % len(dataset)] for i in self.indices])
        return batch | dict(inputs=torch.stack(batch['inputs']))

    def after_train_epoch(self, runner) -> None:
        epoch = runner.epoch + 1
        due = self.interval and epoch % self.interval == 0
        if self._batch is not None and (epoch == 1 or epoch == runner.max_epochs or due):
            model = unwrap_ddp(runner.model)
            look = self._try(runner, 'a sheet is missing', inspect_batch, model, self._batch,
                             self.seed)
            if look is not None:
                self._thread.submit(self._write, runner, look, type(model).__name__, epoch)

    def _write(self, runner, look: Inspection, name: str, epoch: int) -> None:
        """Draw, and hand the sheet to everyone, whoever fails."""
        sheet = self._try(runner, 'a sheet is missing', look.sheet, f'{name}, epoch {epoch}')
        if sheet is None:
            return
        path = Path(runner.work_dir) / 'figures' / f'epoch_{epoch}.png'
        self._try(runner, f'no {path.parent}', imwrite, sheet[..., ::-1], str(path))
        # One by one: the visualizer itself stops at the first that fails.
        for backend in runner.visualizer._vis_backends.values():
            self._try(runner, f'not in {type(backend).__name__}', backend.add_image,
                      'figure_sheet', sheet, epoch)

    def _try(self, runner, consequence: str, function: Callable, *args) -> object:
        """The result, or None and a warning, once for each consequence."""
        try:
            return function(*args)
        except Exception as error:
            if consequence not in self._warned:
                self._warned.add(consequence)
                runner.logger.warning(f'Figure sheets, {consequence}: {type(error).__name__}: '
                                      f'{error}. Training goes on.')
            return None

    @master_only
    def after_train(self, runner) -> None:
        """Waits for the drawing."""
        self._thread.shutdown()
