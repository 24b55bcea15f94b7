"""Draws what the model attends to, hides and rebuilds, while it trains."""
from collections.abc import Sequence
from pathlib import Path

import torch
from mmcv import imwrite
from mmengine.dataset import pseudo_collate
from mmengine.dist import master_only
from mmengine.hooks import Hook

from mmguided.analysis import reconstruct
from mmguided.registry import DATASETS, HOOKS
from mmguided.visualization import draw_sheet

from ..model_wrapper import unwrapped_model


@HOOKS.register_module()
class FigureSheetHook(Hook):
    """After the first epoch, the last, and every ``interval``-th, draws a sheet of a few images.

    The sheets go to ``work_dir/figures/epoch_N.png`` and to the visualizer's backends. The noise
    of the masks is the same in all of them, and the training's random numbers are left as they
    were.

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

    def before_train(self, runner) -> None:
        dataset = DATASETS.build(self.dataset_cfg)
        self._batch = pseudo_collate([dataset[i % len(dataset)] for i in self.indices])
        self._batch['inputs'] = torch.stack(self._batch['inputs'])

    def after_train_epoch(self, runner) -> None:
        epoch = runner.epoch + 1
        due = self.interval and epoch % self.interval == 0
        if epoch == 1 or epoch == runner.max_epochs or due:
            self._draw(runner, epoch)

    @master_only
    def _draw(self, runner, epoch: int) -> None:
        model = unwrapped_model(runner)
        inputs = model.data_preprocessor(self._batch)['inputs']
        devices = [inputs.device] if inputs.is_cuda else []
        model.eval()
        with torch.random.fork_rng(devices):
            torch.manual_seed(self.seed)
            result = reconstruct(model, inputs)
        model.train()

        def pixels(images):
            images = images * model.data_preprocessor.std + model.data_preprocessor.mean
            return (images / 255).clamp(0, 1).permute(0, 2, 3, 1).float().cpu().numpy()

        def patches(values):
            return values.unflatten(1, result.mask.grid).cpu().numpy()

        sheet = draw_sheet(
            images=pixels(inputs),
            attention=None if result.attention is None else patches(result.attention),
            mask=patches(result.mask.mask),
            reconstruction=None if result.images is None else pixels(result.images),
            title=f'{type(model).__name__}, epoch {epoch}')
        imwrite(sheet[..., ::-1], str(Path(runner.work_dir) / 'figures' / f'epoch_{epoch}.png'))
        runner.visualizer.add_image('figure_sheet', sheet, step=epoch)
