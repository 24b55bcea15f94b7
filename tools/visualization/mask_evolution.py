r"""Draw the masks of training runs at several epochs, with one row per run.

    python tools/visualization/mask_evolution.py ccMIM=work_dirs/ccmim/vit-micro_folder-32 \
        top-k=work_dirs/ccmim/guidance/top-k --images a.jpg b.jpg --folder FOLDER

Each row shows --images, their masks at each epoch, and how often each position of the grid is
visible in up to 1,000 readable images of --folder. With random masks, all positions are visible
equally often. A model learns nothing about a position that is never visible. All masks are drawn
with the same noise, so that differences between epochs and runs come from the guidance; the masks
of a training run have new noise in each step. Epoch 0 is the untrained model. The other epochs are
the checkpoints epoch_N.pth that all runs have saved, or a selection by --epochs. --configs sets the
config of runs whose checkpoints contain none.
"""
import argparse
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from mmguided import get_model
from mmguided.analysis.inspection import normalized, read_for_model
from mmguided.cli.arguments import (
    add_shared,
    figure_files,
    local_path,
    named_configs,
    named_paths,
    tool_parser,
)
from mmguided.datasets.analysis_images import list_images, resized_center
from mmguided.hub import read_config
from mmguided.utils.errors import (
    ConfigError,
    check_file,
    exit_on_config_error,
    imports_of_extra,
)
from mmguided.utils.images import read_if_readable, shown_bands

with imports_of_extra('analysis'):
    from mmguided.visualization import cover, draw_grid
    from mmguided.visualization.style import save_figure

MAX_IMAGES = 1000


def parse_args() -> argparse.Namespace:
    parser = tool_parser(__doc__, 'runs', '--configs', '--images', '--seed', '--trust-checkpoint')
    parser.add_argument('--folder', required=True, type=local_path,
                        help='images for the frequency of visible positions')
    parser.add_argument('--epochs', nargs='+', type=int, metavar='N')
    add_shared(parser, '--out', default=Path('work_dirs/mask_evolution.png'), metavar='FILE')
    return parser.parse_args()


def common_epochs(runs: Iterable[Path], wanted: list[int] | None) -> list[int]:
    """Epoch 0 and all epochs for which every run has a checkpoint, or the epochs ``wanted``."""
    saved = [{int(path.stem.removeprefix('epoch_')) for path in run.glob('epoch_*.pth')}
             for run in runs]
    common = set.intersection(*saved) | {0}
    if common == {0} or set(wanted or ()) - common:
        missing = 'any epoch_N.pth' if common == {0} else f'epoch_{max(set(wanted) - common)}.pth'
        raise ConfigError(f'work_dir={", ".join(map(str, runs))}: not all folders contain '
                          f'{missing}. Give pretraining runs that have saved the same epochs.')
    return sorted(set(wanted or common))


def centers(images: Iterable[Image.Image | np.ndarray | None], size: tuple[int, int]) -> Tensor:
    """Centers of the readable images, ``(N, C, *size)`` in [0, 255]."""
    pixels = [resized_center(image, size) for image in images if image is not None]
    if not pixels:
        raise ConfigError('--folder: no readable image. Give another folder.')
    return torch.stack(pixels).float()


@torch.no_grad()
def draw_masks(model: nn.Module, images: Tensor, seed: int) -> np.ndarray:
    """Masks ``(N, h, w)``, 1 = masked, of images ``(N, C, H, W)`` in [0, 255], with the same noise
    for every model.
    """
    torch.manual_seed(seed)
    images = normalized(model, images)
    masks = [model.make_mask(batch, model.observe(batch))[0] for batch in images.split(250)]
    return torch.cat([mask.mask for mask in masks]).unflatten(1, masks[0].grid).numpy()


@exit_on_config_error
def main() -> None:
    args = parse_args()
    outs = figure_files(args.out)
    runs = {name: Path(path) for name, path in named_paths('work_dir', args.runs).items()}
    configs = named_configs(args.configs, runs)
    for path in args.images:
        check_file('--images', str(path), 'Give images.')
    epochs = common_epochs(runs.values(), args.epochs)
    many = list_images(args.folder, MAX_IMAGES, '--folder')

    rows = {}
    for name, run in runs.items():
        cfg = read_config(configs.get(name) or str(next(run.glob('epoch_*.pth'))))
        read = partial(read_for_model, model := get_model(cfg))
        size = model.backbone.input_size
        images = centers((read(path, '--images') for path in args.images), size)
        folder = centers((read_if_readable(path, '--folder', read) for path in many), size)
        shown = (images[:, shown_bands(images.shape[1])] / 255).clamp(0, 1).permute(
            0, 2, 3, 1).numpy()
        row = rows[name] = [*shown]
        for epoch in epochs:
            torch.manual_seed(args.seed)
            model = get_model(cfg, str(run / f'epoch_{epoch}.pth') if epoch else None)
            model.clock.set(epoch, cfg.train_cfg.max_epochs)
            row.extend(cover(shown, draw_masks(model, images, args.seed)))
            row.append(1 - draw_masks(model, folder, args.seed).mean(0))
    titles = [''] * len(args.images)
    for epoch in epochs:
        titles += [f'epoch {epoch}'] + [''] * len(args.images)
    chance = sorted({f'{panel.mean():.2g}' for row in rows.values() for panel in row
                     if panel.ndim == 2})
    save_figure(draw_grid(rows, titles, (
        f'share of {len(folder)} images in which a position is visible (random masks: '
        f'{", ".join(chance)}); all masks are drawn with the same noise')), outs)
    print(*outs)


if __name__ == '__main__':
    main()
