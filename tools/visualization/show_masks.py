r"""What do these models mask? A row for each image, a block of columns for each model.

    python tools/visualization/show_masks.py ccmim_vit-b_800e conditional_mae_vit-b_800e \
        --images a.jpg FOLDER --out masks.png
    python tools/visualization/show_masks.py untrained=configs/ccmim/vit-b_800e.py \
        'epoch 100=work_dirs/ccmim/vit-b_800e/epoch_100.pth' \
        'epoch 800=work_dirs/ccmim/vit-b_800e/epoch_800.pth' --images a.jpg --out masks.pdf

A model is a checkpoint that training has saved, which brings its config, or the name or path of a
config, which is shown as initialized, at the start of its run or at --progress. Each block shows
the guidance, if there is one at this time, the mask, in the colors of its shots, and of a trained
model the reconstruction, if its target is made of pixels. All models get the same noise. NAME= is
what stands above a block.
"""
import argparse
from pathlib import Path

from mmguided import list_models
from mmguided.cli.config_checks import check_checkpoint
from mmguided.utils.errors import (
    ConfigError,
    check_file,
    exit_on_config_error,
    imports_of_extra,
)
from mmguided.utils.names import nearest

FORMATS = ('.png', '.pdf', '.svg')
MAX_OF_FOLDER = 4


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('models', nargs='+', metavar='[NAME=]CONFIG_OR_CHECKPOINT')
    parser.add_argument('--images', nargs='+', required=True, type=Path, metavar='IMAGE_OR_FOLDER',
                        help=f'of a folder, {MAX_OF_FOLDER} images at equal distances')
    parser.add_argument('--progress', type=float, metavar='SHARE',
                        help='of the run, from 0 to 1, at which a config is shown; a trigger has '
                        'fired by then, unless it is 0')
    parser.add_argument('--out', type=Path, required=True, metavar='FILE',
                        help=f'the ending says the format: {", ".join(FORMATS)}')
    parser.add_argument('--seed', type=int, default=0, help='of masks, and of initial weights')
    return parser.parse_args()


def named_models(arguments: list[str]) -> dict[str, str]:
    """Name -> config or checkpoint of ``[NAME=]CONFIG_OR_CHECKPOINT``; without a name, the file and
    its folder, and whether it is untrained."""
    named, known = {}, list_models()
    for argument in arguments:
        name, separator, path = argument.partition('=')
        path = path or name
        if path.endswith('.pth'):
            check_checkpoint('model', path, 'give the path of a checkpoint')
        elif path.endswith('.py'):
            check_file('model', path, 'give the path of a config')
        elif path not in known:
            raise ConfigError(f'model={path!r} is neither a .pth nor a .py file nor the name of a '
                              'config' + (nearest(path, known) or '; see mmguided.list_models()'))
        if not separator:
            name = path if path in known else '/'.join(
                Path(path).resolve().with_suffix('').parts[-2:])
            name += '' if path.endswith('.pth') else ', untrained'
        if name in named:
            raise ConfigError(f'model={argument!r}: {name!r} is the name of another one; put NAME= '
                              'in front')
        named[name] = path
    return named


def check(args: argparse.Namespace) -> None:
    """Raise ConfigError for what can be seen without torch."""
    if args.out.suffix not in FORMATS:
        raise ConfigError(f"--out='{args.out}': its ending must be one of {', '.join(FORMATS)}")
    if args.progress is not None and not 0 <= args.progress <= 1:
        raise ConfigError(f'--progress={args.progress}: give a share from 0 to 1')
    for path in args.images:
        if not path.is_dir():
            check_file('--images', str(path), 'give images, or folders of images')


@exit_on_config_error
def main() -> None:
    args = parse_args()
    models = named_models(args.models)
    check(args)

    # Only here: they take many seconds.
    with imports_of_extra('analysis'):
        from mmguided.visualization import draw_models
        from mmguided.visualization.style import save_figure
    from mmguided.utils.toolboxes import import_toolboxes
    import_toolboxes('mmpretrain')  # before others import it and print about it
    import torch

    import mmguided
    from mmguided.datasets.analysis_images import list_images
    from mmguided.hub import read_config
    from mmguided.models import MaskedImageModel

    images = [file for path in args.images for file in (
        list_images(path, MAX_OF_FOLDER) if path.is_dir() else [path])]
    looks = {}
    for name, path in models.items():
        trained = path.endswith('.pth')
        torch.manual_seed(args.seed)
        model = mmguided.get_model(path)
        if not isinstance(model, MaskedImageModel):
            raise ConfigError(f'model={path!r}: a {type(model).__name__} masks nothing; give a '
                              'model of pretraining')
        if args.progress and not trained:
            epochs = read_config(path).train_cfg.get('max_epochs')
            if not epochs:
                raise ConfigError(f'--progress={args.progress}: train_cfg.max_epochs of {path!r} '
                                  'does not say how long the run is')
            model.clock.set(args.progress * epochs, epochs)
            model.clock.fire()
        look = vars(mmguided.inspect(model, images, args.seed))
        looks[name] = look if trained else look | dict(reconstruction=None)
    save_figure(draw_models(looks), [args.out])
    print(args.out)


if __name__ == '__main__':
    main()
