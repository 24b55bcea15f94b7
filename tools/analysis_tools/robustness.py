r"""Test classifiers on occluded and shuffled images.

    python tools/analysis_tools/robustness.py configs/benchmarks/folder/vit_finetune.py \
        mae=CHECKPOINT conditional=CHECKPOINT --data-root FOLDER --seeds 0 1 2 \
        --occlusion 0 .1 .25 .5 .75 .9 --shuffle 1 2 4 patches --out work_dirs/robustness

The checkpoints are classifiers trained by this config or, for a k-NN config, pretraining
checkpoints. k-NN uses the first value of model.ks. The tool tests each model on the images of
test_dataloader with a share of black patches (--occlusion) and with N x N permuted cells
(--shuffle). `--shuffle patches` permutes the patches of the encoder: with patches of 16 pixels,
14 x 14 cells at 224 pixels and 28 x 28 cells at 448 pixels. A seed fixes the perturbation of each
image, so that all checkpoints are tested on the same images.

The folder --out contains robustness.json, robustness.md (means and standard deviations over seeds),
and robustness.png and .pdf. Finished tests are skipped, so checkpoints, levels and seeds can be
added later; other data or options need another --out.
"""
import argparse
import copy
from pathlib import Path
from typing import TYPE_CHECKING

from mmengine.config import Config

from mmguided.cli.arguments import (
    add_shared,
    figure_files,
    fill_encoder,
    fill_num_classes,
    load_config,
    named_checkpoints,
    set_data_root,
    shuffle_level,
    tool_parser,
)
from mmguided.cli.config_checks import check_data
from mmguided.cli.records import check_settings, file_hash, read_json, settings_of, write_json
from mmguided.utils.errors import ConfigError, exit_on_config_error, imports_of_extra

with imports_of_extra('analysis'):
    from mmguided.visualization import draw_curves

if TYPE_CHECKING:
    from torch.utils.data import Dataset


def parse_args() -> argparse.Namespace:
    parser = tool_parser(__doc__, 'config', 'checkpoints', '--data-root', '--seeds',
                         '--cfg-options', '--trust-checkpoint')
    parser.add_argument('--occlusion', nargs='*', type=float, default=[0, .1, .25, .5, .75, .9],
                        metavar='RATIO', help='shares of patches to hide; may be empty')
    parser.add_argument('--shuffle', nargs='*', type=shuffle_level, default=[1, 2, 4, 'patches'],
                        metavar='N', help='cells along each side of an image, or `patches`; may be '
                        'empty')
    parser.add_argument('--patch-size', type=int, metavar='PIXELS', help='side of a hidden patch; '
                        'default: the patch size of the encoder, or 16')
    add_shared(parser, '--out', default=Path('work_dirs/robustness'), metavar='FOLDER')
    return parser.parse_args()


def read_config(args: argparse.Namespace) -> Config:
    """Read and check the config of the command line."""
    cfg = load_config(args.config, args.cfg_options)
    if not cfg.get('test_dataloader'):
        raise ConfigError(f'config={args.config!r}: has no `test_dataloader`. Give the config of a '
                          'classifier, such as those of configs/benchmarks/imagenet.')
    if not args.occlusion and not args.shuffle:
        raise ConfigError('--occlusion, --shuffle: both are empty. Give levels for one of them.')
    if args.data_root:
        set_data_root(cfg, args.data_root)
    fill_num_classes(cfg)
    cfg.test_dataloader.setdefault('collate_fn', dict(type='default_collate'))  # mmpretrain's
    check_data(cfg, ('model', 'test_dataloader'))
    return cfg


def read_record(args: argparse.Namespace, cfg: Config, checkpoints: dict[str, Path]) -> dict:
    """Read the results of earlier calls, or return an empty record."""
    settings = settings_of(cfg) | dict(patch_size=str(args.patch_size))
    hashes = {name: file_hash(path) for name, path in checkpoints.items()}
    path = args.out / 'robustness.json'
    record = (read_json(path) if path.is_file() else
              dict(settings=settings, checkpoints={}, patch_grids={}, results={}))
    check_settings(args.out, 'earlier calls', record.get('settings', {}), settings)
    for name, sha256 in hashes.items():
        check_settings(args.out, name, dict(sha256=record['checkpoints'].setdefault(name, sha256)),
                       dict(sha256=sha256))
    return record


def patch_grid(dataset: 'Dataset', patch_size: int) -> int:
    """Patches along each side of the images of a dataset.

    Raises:
        ConfigError: If the images are not square, or the patches do not fit.
    """
    height, width = dataset[0]['inputs'].shape[-2:]
    if height != width or height % patch_size:
        raise ConfigError(f'--shuffle=patches: patches of {patch_size} pixels do not fill an image '
                          f'of {(height, width)}. Set --patch-size, or give the number of cells.')
    return height // patch_size


def show(record: dict, out: Path) -> None:
    """Write the table and the curves of a record."""
    from mmguided.evaluation import robustness_table, summarize_levels
    results = record['results']
    (out / 'robustness.md').write_text(
        f'Top-1 in percent on {record["images"]} images, mean ± standard deviation over seeds '
        f'(chance: {record["chance"]:.1f}).\n\n'
        f'{robustness_table(results)}\n')
    panels = {}
    for perturbation, scale, label in (
            ('occlusion', 100, 'share of hidden patches, %'),
            ('shuffle', 1, 'shuffled cells along each side of the image')):
        for name, rows in results.items():
            if points := [(scale * level, average, deviation or 0)
                          for (kind, level), (average, deviation) in summarize_levels(rows).items()
                          if kind == perturbation]:
                panels.setdefault(label, {})[name] = points
    draw_curves(panels, 'top-1 accuracy, %', figure_files(out / 'robustness.png'),
                ('chance', record['chance']))


@exit_on_config_error
def main() -> None:
    args = parse_args()
    cfg = read_config(args)
    checkpoints = named_checkpoints(args.checkpoints)
    record = read_record(args, cfg, checkpoints)
    # Imported late because they take many seconds.
    from mmengine.device import get_device
    from mmengine.registry import DefaultScope
    from mmengine.runner import Runner

    from mmguided import get_model
    from mmguided.evaluation import chance_level, robustness_curves
    from mmguided.utils.checkpoints import check_classes, load_checkpoint
    from mmguided.utils.error_messages import explain_config_errors
    from mmguided.utils.toolboxes import import_parts
    import_parts(cfg)
    with explain_config_errors(cfg), \
            DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmengine')):
        for name, path in checkpoints.items():
            filled = copy.deepcopy(cfg)
            fill_encoder(filled, str(path))
            loader = Runner.build_dataloader(filled.test_dataloader)
            model = get_model(filled, str(path)).to(get_device())
            patch_size = args.patch_size or getattr(model.backbone, 'patch_size', 16)
            grids = args.shuffle
            if 'patches' in grids:
                record['patch_grids'][name] = grid = patch_grid(loader.dataset, patch_size)
                grids = [grid if level == 'patches' else level for level in grids]
            check_classes(load_checkpoint(str(path), 'checkpoint', 'Give another checkpoint.'),
                          loader.dataset)
            record.update(images=len(loader.dataset), chance=chance_level(loader.dataset))
            record['results'][name] = robustness_curves(
                model, loader, args.occlusion, grids, args.seeds, patch_size,
                done=record['results'].get(name, ()))
            args.out.mkdir(parents=True, exist_ok=True)
            write_json(args.out / 'robustness.json', record)
    show(record, args.out)
    print((args.out / 'robustness.md').read_text())
    print(f'{args.out}: robustness.md, robustness.png, robustness.pdf, robustness.json')


if __name__ == '__main__':
    main()
