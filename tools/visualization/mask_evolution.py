r"""How masks change in the course of runs: a row for each run, its saved epochs side by side.

    python tools/visualization/mask_evolution.py --images a.jpg b.jpg --folder FOLDER \
        --run configs/ccmim/vit-micro_folder-32.py work_dirs/ccmim/vit-micro_folder-32 \
        --run configs/ccmim/guidance/top-k.py work_dirs/ccmim/guidance/top-k

Shows the --images as they are and under the masks of each epoch, and how often each position of
the grid is visible in the images of FOLDER, up to 1,000 of them. Random masks show all positions
equally often; nothing is learned about a position that is never visible. Epoch 0 is the model as
initialized; the others are the checkpoints epoch_N.pth that every run has saved, or --epochs of
them. A .pdf is written beside the picture.
"""
import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torchvision.transforms.functional import center_crop, pil_to_tensor, resize

from mmguided import get_model
from mmguided.cli.arguments import figure_files, load_config
from mmguided.datasets.image_folder import IMAGE_EXTENSIONS
from mmguided.utils.errors import (
    ConfigError,
    check_file,
    exit_on_config_error,
    imports_of_extra,
)

with imports_of_extra('analysis'):
    from mmguided.visualization import cover, draw_grid
    from mmguided.visualization.style import save_figure

MAX_IMAGES = 1000


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--run', nargs=2, action='append', required=True,
                        metavar=('CONFIG', 'WORK_DIR'), help='give it once for each run')
    parser.add_argument('--images', nargs='+', required=True, type=Path, metavar='IMAGE')
    parser.add_argument('--folder', required=True, type=Path)
    parser.add_argument('--epochs', nargs='+', type=int, metavar='N')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/mask_evolution.png'),
                        metavar='FILE.png')
    parser.add_argument('--seed', type=int, default=0)
    return parser.parse_args()


def saved_epochs(run: Path) -> set[int]:
    """Epochs of which a run has saved a checkpoint."""
    return {int(path.stem.removeprefix('epoch_')) for path in run.glob('epoch_*.pth')}


def common_epochs(runs: list[Path], wanted: list[int] | None) -> list[int]:
    """0 and the epochs that every run has saved, or those of them that are wanted."""
    common = set.intersection(*map(saved_epochs, runs)) | {0}
    if common == {0} or set(wanted or ()) - common:
        missing = 'any epoch_N.pth' if common == {0} else f'epoch_{max(set(wanted) - common)}.pth'
        raise ConfigError(f'--run {", ".join(map(str, runs))}: not all of them hold {missing}; '
                          'give work dirs of pretraining that have saved the same epochs')
    return sorted(set(wanted or common))


def read_images(paths: list[Path], size: tuple[int, int]) -> Tensor:
    """The middle of each picture, ``(N, 3, *size)`` in [0, 255]."""
    images = []
    for path in paths:
        with Image.open(path) as image:
            image = center_crop(resize(image.convert('RGB'), max(size)), list(size))
            images.append(pil_to_tensor(image).float())
    return torch.stack(images)


def row_names(runs: list[tuple[str, Path]]) -> list[str]:
    """Names of the configs, with the folder where two are the same."""
    stems = [Path(config).stem for config, _ in runs]
    return [stem if stems.count(stem) == 1 else f'{stem}, {folder}'
            for stem, (_, folder) in zip(stems, runs, strict=True)]


@torch.no_grad()
def masks_of(model: nn.Module, images: Tensor, seed: int) -> np.ndarray:
    """``(N, h, w)``, 1 = masked, of RGB images in [0, 255]; the same noise for every model."""
    torch.manual_seed(seed)
    images = (images - model.data_preprocessor.mean) / model.data_preprocessor.std
    masks = [model.make_mask(batch, model.observe(batch))[0] for batch in images.split(250)]
    return torch.cat([mask.mask for mask in masks]).unflatten(1, masks[0].grid).numpy()


@exit_on_config_error
def main() -> None:
    args = parse_args()
    outs = figure_files(args.out)
    for path in (*args.images, *(config for config, _ in args.run)):
        check_file('--images or --run', str(path), 'give a picture, or a config and its work dir')
    runs = [(config, Path(folder)) for config, folder in args.run]
    epochs = common_epochs([folder for _, folder in runs], args.epochs)
    many = sorted(
        path for path in args.folder.rglob('*') if path.suffix.lower() in IMAGE_EXTENSIONS)
    if not many:
        raise ConfigError(f"--folder='{args.folder}' holds no images: give a folder of images")
    many = many[::-(-len(many) // MAX_IMAGES)]  # some of every class

    rows = {}
    for name, (config, folder) in zip(row_names(runs), runs, strict=True):
        max_epochs = load_config(config).train_cfg.max_epochs
        size = get_model(config).backbone.img_size
        pictures = read_images(args.images, size)
        shown = (pictures / 255).permute(0, 2, 3, 1).numpy()
        row = rows[name] = [*shown]
        for epoch in epochs:
            torch.manual_seed(args.seed)
            model = get_model(config, str(folder / f'epoch_{epoch}.pth') if epoch else None)
            model.clock.set(epoch, max_epochs)
            row.extend(cover(shown, masks_of(model, pictures, args.seed)))
            row.append(1 - masks_of(model, read_images(many, size), args.seed).mean(0))
    titles = [''] * len(args.images)
    for epoch in epochs:
        titles += [f'epoch {epoch}'] + [''] * len(args.images)
    save_figure(
        draw_grid(rows, titles, 'share of images in which a position is visible'), outs)
    print(*outs)


if __name__ == '__main__':
    main()
