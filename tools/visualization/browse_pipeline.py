r"""What the training pipeline of a config makes of images.

    python tools/visualization/browse_pipeline.py configs/cmae/vit-b_800e.py --images FOLDER

A row for each of --num images that lie evenly in the data set: the file as it is, then, for each of
--draws passes through the pipeline, what the model gets, before normalization: of CMAE the online
view and the target view, side by side. The random numbers are those of --seed. With --images, any
folder of images stands for the data of the config. A .pdf is written beside the picture.

mmpretrain's browse_dataset.py shows a single pass of an image, step by step, a picture for each
image; here passes and views are in one picture, where their variety shows. Cached scores
(mmguided.WithScores) are not drawn: they are made in training.
"""
import argparse
from pathlib import Path

import numpy as np
from mmengine.config import Config, ConfigDict

from mmguided.cli.arguments import OptionAction, figure_files, load_config
from mmguided.cli.config_checks import check_data
from mmguided.utils.configs import walk
from mmguided.utils.errors import ConfigError, exit_on_config_error, imports_of_extra

with imports_of_extra('analysis'):
    from mmguided.visualization import draw_views
    from mmguided.visualization.style import save_figure


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='of pretraining')
    parser.add_argument('--images', metavar='FOLDER', help='instead of the data of the config')
    parser.add_argument('--num', type=int, default=6, help='images')
    parser.add_argument('--draws', type=int, default=3, help='passes of each image')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/pipeline.png'),
                        metavar='FILE.png')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--cfg-options', nargs='+', action=OptionAction, metavar='KEY=VALUE',
                        default={}, help='override fields of the config')
    args = parser.parse_args()
    for name in ('num', 'draws'):
        if (value := getattr(args, name)) < 1:
            raise ConfigError(f'--{name} {value}: give a positive number')
    return args


def read_config(args: argparse.Namespace) -> tuple[Config, ConfigDict]:
    """The config, and the one of the data set in it that has the pipeline."""
    cfg = load_config(args.config, args.cfg_options)
    dataset = next((node for _, node in walk(cfg.get('train_dataloader'), '')
                    if isinstance(node, dict) and 'pipeline' in node), None)
    if dataset is None:
        raise ConfigError(f'config={args.config!r} has no train_dataloader with a pipeline: give '
                          'one of pretraining, such as configs/mae/vit-b_300e.py')
    if args.images:
        if not any('Load' in str(value) for _, value in walk(dataset.pipeline, '')):
            raise ConfigError(f'--images={args.images!r}: the pipeline of {args.config!r} loads no '
                              'files, but takes arrays of its data set; leave --images out')
        dataset = cfg.train_dataloader.dataset = ConfigDict(
            type='mmguided.ImageFolder', data_root=args.images, pipeline=dataset.pipeline)
    check_data(cfg, ('train_dataloader', ))
    return cfg, dataset


def takes_bgr(cfg: Config) -> bool:
    """Whether what a pipeline gives is BGR: the model's preprocessor makes RGB of it."""
    settings = cfg.get('data_preprocessor') or cfg.get('model', {}).get('data_preprocessor') or {}
    return settings.get('to_rgb', False) or settings.get('bgr_to_rgb', False)


def pixels_of(view: np.ndarray, cfg: Config, normalization: dict | None) -> np.ndarray:
    """A view ``(3, H, W)`` of a pipeline as a picture ``(H, W, 3)``, uint8 RGB."""
    view = view.transpose(1, 2, 0)
    if normalization:
        view = np.clip(view * np.array(normalization.std) + normalization.mean, 0, 255).round()
    return (view[..., ::-1] if takes_bgr(cfg) else view).astype(np.uint8)


@exit_on_config_error
def main() -> None:
    args = parse_args()
    outs = figure_files(args.out)
    cfg, settings = read_config(args)
    # Only here: they take many seconds. The toolboxes come first, lest they print.
    from mmguided.cli.runner import import_parts
    import_parts(cfg)
    from mmengine.registry import DATASETS, DefaultScope
    from mmengine.runner import set_random_seed

    from mmguided.cli.error_messages import explain_config_errors
    from mmguided.datasets import loading_transforms
    with explain_config_errors(cfg, ('train_dataloader', )), \
            DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmengine')):
        dataset = DATASETS.build(settings)
    # mmcv's, which also turns BGR to RGB unless it is told not to.
    normalization = next((step for _, step in walk(settings.pipeline, '') if isinstance(step, dict)
                          and str(step.get('type')).endswith('Normalize')), None)
    loads_bgr = takes_bgr(cfg) or normalization and normalization.get('to_rgb', True)

    set_random_seed(args.seed)
    images, views = [], []
    for index in np.linspace(0, len(dataset) - 1, min(args.num, len(dataset))).astype(int):
        draws = [dataset[index] for _ in range(args.draws)]
        # Not index itself where that image is unreadable, and another one has its place.
        results = dataset.get_data_info(draws[0]['data_samples'].sample_idx)
        for transform in loading_transforms(dataset):
            results = transform(results)
        images.append(results['img'][..., ::-1] if loads_bgr else results['img'])
        views.append([[pixels_of(view.numpy(), cfg, normalization) for view in (
            draw['inputs'] if isinstance(draw['inputs'], list) else [draw['inputs']])]
            for draw in draws])
    save_figure(draw_views(images, views), outs)
    print(*outs)


if __name__ == '__main__':
    main()
