r"""Draw guidance, masks and reconstructions of several models side by side.

    python tools/visualization/show_masks.py ccmim_vit-b_800e conditional_mae_vit-b_800e \
        --images a.jpg FOLDER --out masks.png
    python tools/visualization/show_masks.py untrained=configs/ccmim/vit-b_800e.py \
        'epoch 100=work_dirs/ccmim/vit-b_800e/epoch_100.pth' \
        'epoch 800=work_dirs/ccmim/vit-b_800e/epoch_800.pth' --images a.jpg --out masks.pdf

A model is a checkpoint saved by our training, or the path or name of a config. A config is shown
with an untrained model, at --progress of the run. Each row shows an image and a block for each
model: the guidance, if it has started; the mask, in the colors of its shots; and the
reconstruction, if the target is pixels. The brightness and contrast of normalized targets come from
the visible patches. All masks are drawn with the same noise. Unreadable images of a folder are
skipped. Models of other channels than RGB read the images as in training; --bands sets three of the
channels to show.
"""
import argparse
import sys
from functools import partial
from pathlib import Path

from mmguided import list_models
from mmguided.cli.arguments import add_shared, figure_files, named_paths, tool_parser
from mmguided.cli.config_checks import check_checkpoint
from mmguided.hub import CONFIG_FILES, is_checkpoint, read_config
from mmguided.utils.errors import (
    ConfigError,
    check_file,
    did_you_mean,
    exit_on_config_error,
    imports_of_extra,
)
from mmguided.utils.images import read_if_readable

IMAGES_PER_FOLDER = 4


def parse_args() -> argparse.Namespace:
    parser = tool_parser(__doc__, '--trust-checkpoint')
    parser.add_argument('models', nargs='+', metavar='[NAME=]CHECKPOINT|CONFIG')
    add_shared(parser, '--images', metavar='IMAGE|FOLDER',
               help=f'{IMAGES_PER_FOLDER} evenly spaced images of a folder')
    parser.add_argument('--progress', type=float, default=0., metavar='SHARE',
                        help='completed share of the run, from 0 to 1, at which a config is shown; '
                        'above 0, a trigger has fired')
    parser.add_argument('--bands', type=int, nargs=3, metavar=('R', 'G', 'B'),
                        help='bands to show; default: the first three, or the first as gray')
    add_shared(parser, '--seed', help='seed of masks and initial weights')
    add_shared(parser, '--out', required=True, metavar='FILE')
    args = parser.parse_args()
    if not 0 <= args.progress <= 1:
        raise ConfigError(f'--progress={args.progress}: out of range. Give a share from 0 to 1.')
    for path in args.images:
        if not path.is_dir():
            check_file('--images', str(path), 'Give images, or folders of images.')
    return args


def named_models(arguments: list[str]) -> dict[str, str]:
    """Map the names of ``[NAME=]CHECKPOINT|CONFIG ...`` to the models, see :func:`named_paths`."""
    models = named_paths('model', arguments)
    for path in models.values():
        if is_checkpoint(path):
            check_checkpoint('model', path)
        elif path.endswith(CONFIG_FILES):
            check_file('model', path, 'Give the path of a config.')
        elif path not in list_models():
            raise ConfigError(f'model={path!r}: neither a checkpoint, a config nor a known name'
                              f'{did_you_mean(path, list_models())} See mmguided.list_models().')
    return models


def read_images(paths: list[Path], model) -> list:
    """Read images, and evenly spaced images of folders, except unreadable ones, for a model."""
    from mmguided.analysis.inspection import read_for_model
    from mmguided.datasets.analysis_images import list_images
    images, read = [], partial(read_for_model, model)
    for path in paths:
        if not path.is_dir():
            images.append(read(path, '--images'))
            continue
        for file in list_images(path, IMAGES_PER_FOLDER):
            image = read_if_readable(file, '--images', read)
            if image is None:
                print(f"warning: --images='{file}': unreadable, skipped", file=sys.stderr)
            else:
                images.append(image)
    if not images:
        raise ConfigError(f'--images={" ".join(map(str, paths))}: no readable image. Give others.')
    return images


@exit_on_config_error
def main() -> None:
    args = parse_args()
    models = named_models(args.models)
    outs = figure_files(args.out)

    # Imported late because they take many seconds; the toolboxes first, quietly.
    with imports_of_extra('analysis'):
        from mmguided.visualization import draw_models
        from mmguided.visualization.style import save_figure
    from mmguided.utils.toolboxes import import_toolboxes
    import_toolboxes('mmpretrain')
    import torch

    import mmguided
    from mmguided.models import MaskedImageModel

    images, looks = None, {}
    for name, path in models.items():
        trained = is_checkpoint(path)
        torch.manual_seed(args.seed)
        model = mmguided.get_model(path)
        if not isinstance(model, MaskedImageModel):
            raise ConfigError(f'model={path!r}: a {type(model).__name__} has no masks. Give a '
                              'pretraining model.')
        images = images or read_images(args.images, model)
        if args.progress and not trained:
            epochs = read_config(path).train_cfg.get('max_epochs')
            if not epochs:
                raise ConfigError(f'--progress={args.progress}: train_cfg.max_epochs of {path!r} '
                                  'is not set. Set it, or leave out --progress.')
            model.clock.set(args.progress * epochs, epochs)
            model.clock.fire()
        title = name if trained or 'untrained' in name else f'{name}, untrained'
        looks[title] = vars(mmguided.inspect(model, images, args.seed, args.bands))
    save_figure(draw_models(looks), outs)
    print(*outs)


if __name__ == '__main__':
    main()
