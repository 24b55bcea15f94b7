r"""Draw the output of the training pipeline of a config.

    python tools/visualization/browse_pipeline.py configs/cmae/vit-b_800e.py --images FOLDER

The figure has --num-images rows. Each row shows an image of the dataset and, for each of --draws
passes through the pipeline, the input of the model before normalization. For CMAE, it shows the
online and the target view side by side. The images are evenly spaced in the dataset. --images
replaces the data of the config by any folder of images.

mmpretrain's browse_dataset.py writes one file per image with the steps of a single pass; this tool
shows the variety of passes and views in one figure. Cached scores (mmguided.WithScores) are not
drawn because training creates them.
"""
import argparse
from pathlib import Path

import numpy as np
from mmengine.config import Config, ConfigDict

from mmguided.cli.arguments import (
    add_shared,
    figure_files,
    load_config,
    positive,
    tool_parser,
)
from mmguided.cli.config_checks import check_data
from mmguided.cli.run_settings import set_img_size
from mmguided.utils.configs import converts_to_rgb, preprocessor_settings, walk
from mmguided.utils.errors import (
    ConfigError,
    check_image_folder,
    exit_on_config_error,
    imports_of_extra,
)
from mmguided.utils.images import shown_bands

with imports_of_extra('analysis'):
    from mmguided.visualization import draw_views
    from mmguided.visualization.style import save_figure


def parse_args() -> argparse.Namespace:
    parser = tool_parser(__doc__, 'config', '--img-size', '--cfg-options', '--seed')
    add_shared(parser, '--images', nargs=None, required=False, metavar='FOLDER',
               help='image folder; default: the data of the config')
    parser.add_argument('--num-images', type=positive, default=6, metavar='N')
    parser.add_argument('--draws', type=positive, default=3, metavar='N',
                        help='passes of each image')
    add_shared(parser, '--out', default=Path('work_dirs/pipeline.png'), metavar='FILE')
    return parser.parse_args()


def read_config(args: argparse.Namespace) -> tuple[Config, ConfigDict]:
    """Read the config; also return the part of the dataset config that contains the pipeline."""
    cfg = load_config(args.config, args.cfg_options)
    if args.img_size is not None:
        set_img_size(cfg, args.img_size)
    dataset = next((node for _, node in walk(cfg.get('train_dataloader'), '')
                    if isinstance(node, dict) and 'pipeline' in node), None)
    if dataset is None:
        raise ConfigError(f'config={args.config!r}: has no train_dataloader with a pipeline. '
                          'Give a pretraining config, such as configs/mae/vit-b_300e.py.')
    if args.images:
        check_image_folder('--images', args.images)
        if not any('Load' in str(value) for _, value in walk(dataset.pipeline, '')):
            raise ConfigError(f'--images={str(args.images)!r}: the pipeline of {args.config!r} '
                              'does not load files. Leave out --images.')
        dataset = cfg.train_dataloader.dataset = ConfigDict(
            type='mmguided.ImageFolder', data_root=str(args.images), with_label=False,
            pipeline=dataset.pipeline)
    check_data(cfg, ('train_dataloader', ))
    return cfg, dataset


def pixels_of(view: np.ndarray, cfg: Config, normalization: dict | None) -> np.ndarray:
    """Convert a pipeline's view ``(C, H, W)`` to an image ``(H, W, 3)``, uint8 RGB."""
    view = view.transpose(1, 2, 0)
    if normalization:
        view = view * np.array(normalization.std) + normalization.mean
    return shown(view, converts_to_rgb(preprocessor_settings(cfg)))


def shown(image: np.ndarray, is_bgr: bool) -> np.ndarray:
    """RGB image, or the first bands, of an image ``(H, W, C)``, uint8."""
    image = np.atleast_3d(image)
    bands = shown_bands(image.shape[2])
    image = image[..., bands[::-1] if is_bgr and image.shape[2] == 3 else bands]
    # Bicubic interpolation of float images exceeds their range.
    return np.clip(image, 0, 255).round().astype(np.uint8)


@exit_on_config_error
def main() -> None:
    args = parse_args()
    outs = figure_files(args.out)
    cfg, settings = read_config(args)
    # Imported late because they take many seconds; the toolboxes first, quietly.
    from mmguided.utils.toolboxes import import_parts
    import_parts(cfg)
    from mmengine.registry import DATASETS, DefaultScope
    from mmengine.runner import set_random_seed

    from mmguided.datasets import loading_transforms
    from mmguided.utils.error_messages import explain_config_errors
    with explain_config_errors(cfg), \
            DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmengine')):
        dataset = DATASETS.build(settings)
    # mmcv's Normalize converts BGR to RGB by default.
    normalization = next((step for _, step in walk(settings.pipeline, '') if isinstance(step, dict)
                          and str(step.get('type')).endswith('Normalize')), None)
    loads_bgr = converts_to_rgb(preprocessor_settings(cfg)) or (
        normalization and normalization.get('to_rgb', True))

    set_random_seed(args.seed)
    images, views = [], []
    for index in np.linspace(0, len(dataset) - 1, min(args.num_images, len(dataset))).astype(int):
        draws = [dataset[index] for _ in range(args.draws)]
        # sample_idx differs from index if the image was unreadable and replaced.
        results = dataset.get_data_info(draws[0]['data_samples'].sample_idx)
        for transform in loading_transforms(dataset):
            results = transform(results)
        images.append(shown(results['img'], loads_bgr))
        views.append([[pixels_of(view.numpy(), cfg, normalization) for view in (
            draw['inputs'] if isinstance(draw['inputs'], list) else [draw['inputs']])]
            for draw in draws])
    save_figure(draw_views(images, views), outs)
    print(*outs)


if __name__ == '__main__':
    main()
