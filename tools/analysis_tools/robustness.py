r"""How much of a classifier's accuracy occlusion and shuffling of patches leave.

    python tools/analysis_tools/robustness.py configs/benchmarks/folder/vit-tiny_finetune.py \
        work_dirs/mae.pth work_dirs/conditional_mae.pth --data-root FOLDER --seeds 0 1 2 \
        --occlusion 0 .1 .25 .5 .75 .9 --shuffle 1 2 4 8 --out work_dirs/robustness

The checkpoints are what this config has trained on labels, or for a k-NN config what pretraining
has saved; k-NN is that of the first of its model.ks. Each is tested on the images of
test_dataloader with shares of their patches hidden (--occlusion), and cut into N x N cells that are
permuted (--shuffle). Hidden patches are black; a seed fixes for each image what is drawn, so that
all checkpoints see the same.

--out gets robustness.json, robustness.md, the table of the means and standard deviations over
seeds, and robustness.png and .pdf, the curves. What is done already is not done again, so that
checkpoints, levels and seeds may be added; a checkpoint is recognized by its path. Other data or
options need another --out.
"""
import argparse
import json
from collections.abc import Iterable
from pathlib import Path

from mmengine.config import Config

from mmguided.cli.arguments import (
    OptionAction,
    fill_num_classes,
    load_config,
    set_data_root,
)
from mmguided.cli.config_checks import check_checkpoint, check_data
from mmguided.utils.errors import ConfigError, exit_on_config_error, imports_of_extra

with imports_of_extra('analysis'):
    from mmguided.visualization import draw_curves


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='of a classifier')
    parser.add_argument('checkpoints', nargs='+', metavar='checkpoint')
    parser.add_argument('--occlusion', nargs='*', type=float, default=[0, .1, .25, .5, .75, .9],
                        metavar='RATIO', help='shares of patches to hide; none leaves it out')
    parser.add_argument('--shuffle', nargs='*', type=int, default=[1, 2, 4, 8], metavar='N',
                        help='cells along each side of an image; none leaves it out')
    parser.add_argument('--seeds', nargs='+', type=int, default=[0])
    parser.add_argument('--patch-size', type=int, metavar='PIXELS', help='side of a hidden patch; '
                        'default: model.backbone.patch_size, or 16')
    parser.add_argument('--data-root', metavar='FOLDER', help='in place of every `data_root`')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/robustness'), metavar='FOLDER')
    parser.add_argument('--cfg-options', nargs='+', action=OptionAction, metavar='KEY=VALUE',
                        default={}, help='override fields of the config')
    return parser.parse_args()


def read_config(args: argparse.Namespace) -> Config:
    """The config of the command line, checked as far as that goes without a model."""
    cfg = load_config(args.config, args.cfg_options)
    if not cfg.get('test_dataloader'):
        raise ConfigError(f'config={args.config!r} has no `test_dataloader`: give one that '
                          'classifies, such as those of configs/benchmarks/imagenet')
    if not args.occlusion and not args.shuffle:
        raise ConfigError('--occlusion and --shuffle are empty: give one of them levels')
    if args.data_root:
        set_data_root(cfg, args.data_root)
    fill_num_classes(cfg)
    cfg.test_dataloader.setdefault('collate_fn', dict(type='default_collate'))  # mmpretrain's
    for path in args.checkpoints:
        check_checkpoint('checkpoint', path, 'give the path of a .pth file')
    check_data(cfg, ('model', 'test_dataloader'))
    if args.patch_size is None:
        args.patch_size = cfg.model.get('backbone', {}).get('patch_size', 16)
    return cfg


def read_record(path: Path, args: argparse.Namespace) -> dict:
    """What an earlier call with the same settings has left, or an empty record of them."""
    settings = dict(config=args.config, data_root=args.data_root, patch_size=args.patch_size,
                    cfg_options=args.cfg_options)
    if not path.is_file():
        return dict(settings, results={})
    record = json.loads(path.read_text())
    for field, value in json.loads(json.dumps(settings)).items():
        if record[field] != value:
            raise ConfigError(f"--out='{args.out}' holds results of {field}={record[field]!r}, not "
                              f'{value!r}; give another --out')
    return record


def names_of(paths: Iterable[str]) -> dict[str, str]:
    """Path -> name: the ends of the paths, as many folders of them as tell them apart."""
    parts = {path: Path(path).with_suffix('').parts for path in paths}
    for number in range(1, max(map(len, parts.values())) + 1):
        names = {path: '/'.join(found[-number:]) for path, found in parts.items()}
        if len(set(names.values())) == len(names):
            break
    return names


def show(record: dict, out: Path) -> None:
    """Write the table and the curves of a record."""
    from mmguided.evaluation import robustness_table, summarize_levels
    names = names_of(record['results'])
    results = {names[path]: rows for path, rows in record['results'].items()}
    (out / 'robustness.md').write_text(
        f'Top-1 in per cent on {record["images"]} images, mean ± standard deviation over seeds; '
        f'always the most frequent class: {record["chance"]:.1f}.\n\n'
        f'{robustness_table(results)}\n')
    panels = {}
    for perturbation, scale, label in (
            ('occlusion', 100, f'share of hidden patches ({record["patch_size"]} px), %'),
            ('shuffle', 1, 'shuffled cells along each side of the image')):
        for name, rows in results.items():
            if points := [(scale * level, average, deviation or 0)
                          for (kind, level), (average, deviation) in summarize_levels(rows).items()
                          if kind == perturbation]:
                panels.setdefault(label, {})[name] = points
    draw_curves(panels, 'top-1 accuracy, %',
                [out / f'robustness.{ending}' for ending in ('png', 'pdf')],
                ('chance', record['chance']))


@exit_on_config_error
def main() -> None:
    args = parse_args()
    cfg = read_config(args)
    record = read_record(args.out / 'robustness.json', args)
    # Only here: they take many seconds.
    from mmengine.device import get_device
    from mmengine.registry import DefaultScope
    from mmengine.runner import Runner

    from mmguided import get_model
    from mmguided.cli.error_messages import explain_config_errors
    from mmguided.cli.runner import import_parts
    from mmguided.evaluation import chance_level, robustness_curves
    import_parts(cfg)
    with explain_config_errors(cfg, ('test_dataloader', 'model')), \
            DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmengine')):
        loader = Runner.build_dataloader(cfg.test_dataloader)
        record.update(images=len(loader.dataset), chance=chance_level(loader.dataset))
        for path in args.checkpoints:
            model = get_model(cfg, path).to(get_device())
            record['results'][path] = robustness_curves(
                model, loader, args.occlusion, args.shuffle, args.seeds, args.patch_size,
                done=record['results'].get(path, ()))
            args.out.mkdir(parents=True, exist_ok=True)
            (args.out / 'robustness.json').write_text(json.dumps(record, indent=1))
    show(record, args.out)
    print((args.out / 'robustness.md').read_text())
    print(f'{args.out}: robustness.md, robustness.png, robustness.pdf, robustness.json')


if __name__ == '__main__':
    main()
