"""Figure sheets of the model during training."""
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from mmcv import imwrite
from mmengine.dataset import pseudo_collate
from mmengine.dist import master_only
from mmengine.hooks import Hook

from mmguided.analysis.inspection import Inspection, inspect_batch, method_name
from mmguided.registry import DATASETS, HOOKS
from mmguided.utils.errors import ConfigError
from mmguided.utils.modules import is_sharded, unwrap_ddp
from mmguided.utils.rng_state import preserve_rng_state


@HOOKS.register_module()
class FigureSheetHook(Hook):
    """Draw attention, mask and reconstruction of a few images, see
    :func:`mmguided.visualization.draw_sheet`.

    Sheets are drawn after the first and the last epoch and every ``interval`` epochs, and written
    to ``work_dir/figures/epoch_N.png`` and to the visualizer's backends, for example TensorBoard.
    All sheets use the same noise for the masks, as the title says. The RNG state of training is
    preserved.

    Sheets are drawn and written in a separate thread; the run waits for the thread at the end of
    training. Failures (for example a full disk) are reported once and never stop training.

    Args:
        dataset: Config of a dataset without random augmentation.
        indices: Indices of the images to draw.
        interval: Epochs between sheets; 0 draws only after the first and the last epoch.
        seed: Seed of the masks.
        bands: Bands that are shown as red, green and blue, see
            :func:`mmguided.analysis.inspection.inspect`.

    Raises:
        ConfigError: If FSDP2Strategy has sharded the weights.
    """
    priority = 'LOW'

    def __init__(self,
                 dataset: dict,
                 indices: Sequence[int] = (0, 1, 2, 3),
                 interval: int = 0,
                 seed: int = 0,
                 bands: Sequence[int] | None = None) -> None:
        self.dataset_cfg = dataset
        self.indices = indices
        self.interval = interval
        self.seed = seed
        self.bands = bands
        self._batch: dict | None = None
        self._warned: set[str] = set()

    def before_run(self, runner) -> None:
        if is_sharded(runner.model):
            raise ConfigError('FigureSheetHook: draws in the first process, but the weights are '
                              'sharded. Remove the hook, or strategy and runner_type.')

    @master_only
    def before_train(self, runner) -> None:
        """Read the images."""
        self._thread = ThreadPoolExecutor(1)
        with preserve_rng_state():
            self._batch = self._try(runner, 'cannot read the images', self._read)

    def _read(self) -> dict:
        dataset = DATASETS.build(self.dataset_cfg)
        batch = pseudo_collate([dataset[i % len(dataset)] for i in self.indices])
        return batch | dict(inputs=torch.stack(batch['inputs']))

    def after_train_epoch(self, runner) -> None:
        epoch = runner.epoch + 1
        if self._batch is not None and (epoch == 1 or self.is_last_train_epoch(runner)
                                        or self.every_n_epochs(runner, self.interval)):
            model = unwrap_ddp(runner.model)
            inspection = self._try(runner, 'cannot draw', inspect_batch, model, self._batch,
                                   self.seed, self.bands)
            if inspection is not None:
                self._thread.submit(self._write, runner, inspection, method_name(model), epoch)

    def _write(self, runner, inspection: Inspection, name: str, epoch: int) -> None:
        """Draw the sheet and write it to the file and every backend, even if one of them fails."""
        title = f'{name}, epoch {epoch} (all epochs: mask noise of seed {self.seed})'
        sheet = self._try(runner, 'cannot draw', inspection.sheet, title)
        if sheet is None:
            return
        path = Path(runner.work_dir) / 'figures' / f'epoch_{epoch}.png'
        self._try(runner, f'cannot write to {path.parent}', imwrite, sheet[..., ::-1], str(path))
        # Call the backends one by one because the visualizer stops at the first backend that fails.
        for backend in runner.visualizer._vis_backends.values():
            self._try(runner, f'cannot write to {type(backend).__name__}', backend.add_image,
                      'figure_sheet', sheet, epoch)

    def _try(self, runner, failure: str, function: Callable, *args) -> object:
        """Return the function's result; on failure, warn once per kind and return None."""
        try:
            return function(*args)
        except Exception as error:
            if failure not in self._warned:
                self._warned.add(failure)
                runner.logger.warning(f'Figure sheets: {failure}. {type(error).__name__}: {error}. '
                                      'Training continues.')
            return None

    @master_only
    def after_train(self, runner) -> None:
        self._thread.shutdown()
