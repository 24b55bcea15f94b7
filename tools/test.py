"""Test a checkpoint with a config of mmguided, mmpretrain, mmdet or mmseg.

    python tools/test.py CONFIG CHECKPOINT
    bash tools/dist_test.sh CONFIG CHECKPOINT 8
"""
import argparse

from mmengine.config import Config
from mmengine.fileio import dump
from mmengine.registry import METRICS

from mmguided.engine.runner_utils import (
    add_common_arguments,
    build_runner,
    leave_process_group,
    load_config,
    merge_common_args,
    naming_config_fields,
    prepare_device,
)
from mmguided.utils.errors import ConfigError, check_file, exit_on_config_error


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Test a model')
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('--out', help='file for the results: .pkl for predictions, .json, .yml or '
                        '.pkl for metrics')
    parser.add_argument(
        '--out-item', choices=['pred', 'metrics'], help='what --out holds; default: pred')
    parser.add_argument('--show-dir', help='folder for pictures of the predictions')
    parser.add_argument('--show', action='store_true', help='show the pictures in a window')
    parser.add_argument(
        '--wait-time', type=float, default=2, metavar='S', help='seconds that --show keeps each')
    add_common_arguments(parser)
    return parser.parse_args()


def check_args(args: argparse.Namespace) -> None:
    """Raise ConfigError for what would otherwise fail after the whole test has run."""
    check_file('checkpoint', args.checkpoint, 'give the path of a .pth file')
    if args.out_item and not args.out:
        raise ConfigError(f'--out-item={args.out_item} needs --out FILE')
    endings = ('.json', '.yml', '.yaml', '.pkl') if args.out_item == 'metrics' else ('.pkl',)
    if args.out and not args.out.endswith(endings):
        raise ConfigError(f'--out={args.out!r} must end in {" or ".join(endings)}')


def merge_test_args(cfg: Config, args: argparse.Namespace) -> None:
    """Write the options that only testing has into ``cfg``."""
    if not cfg.get('test_dataloader'):
        raise ConfigError(f'config={args.config!r} has no `test_dataloader`: a pretraining config '
                          'cannot be tested; use one of configs/benchmarks')
    cfg.load_from = args.checkpoint
    cfg.resume = False
    if args.amp:
        cfg.test_cfg.fp16 = True
    if args.show or args.show_dir:
        draw_predictions(cfg, args)


def draw_predictions(cfg: Config, args: argparse.Namespace) -> None:
    """Switch on the visualization hook, whose options each toolbox words in its own way."""
    hook = cfg.get('default_hooks', {}).get('visualization')
    if not hook:
        raise ConfigError('default_hooks.visualization is not set, and --show and --show-dir need '
                          "it: add `visualization=dict(type='VisualizationHook')`")
    hook.update(show=args.show, wait_time=args.wait_time)
    scope = cfg.get('default_scope')
    hook['draw' if scope in ('mmdet', 'mmseg') else 'enable'] = True
    if args.show_dir and scope == 'mmseg':
        cfg.visualizer.save_dir = args.show_dir
    elif args.show_dir:
        hook['test_out_dir' if scope == 'mmdet' else 'out_dir'] = args.show_dir


@exit_on_config_error
def main() -> None:
    args = parse_args()
    cfg = load_config(args.config)
    check_args(args)
    merge_common_args(cfg, args)
    merge_test_args(cfg, args)
    prepare_device(cfg)
    with naming_config_fields(cfg, ('test_dataloader', 'test_evaluator', 'model', 'custom_hooks')):
        runner = build_runner(cfg)
        if args.out and args.out_item != 'metrics':
            # mmdet's own metric keeps masks as run lengths.
            kind = 'mmdet.DumpDetResults' if cfg.get('default_scope') == 'mmdet' else 'DumpResults'
            runner.test_evaluator.metrics.append(
                METRICS.build(dict(type=kind, out_file_path=args.out)))
        metrics = runner.test()
    if args.out_item == 'metrics' and runner.rank == 0:
        dump(metrics, args.out)


if __name__ == '__main__':
    main()
    leave_process_group()
