"""Test a checkpoint with a config of mmguided, mmpretrain, mmdet or mmseg.

    python tools/test.py CONFIG CHECKPOINT
    bash tools/dist_test.sh CONFIG CHECKPOINT 8
"""
import argparse
import os.path as osp

from mmengine.config import Config
from mmengine.fileio import dump

from mmguided.cli.arguments import (
    add_run_arguments,
    fill_encoder,
    load_config,
    merge_run_arguments,
    tool_parser,
)
from mmguided.cli.config_checks import check_checkpoint, check_data, check_values
from mmguided.cli.launch import end_with_launcher
from mmguided.utils.errors import ConfigError, exit_on_config_error


def parse_args() -> argparse.Namespace:
    parser = tool_parser(__doc__, 'config')
    parser.add_argument('checkpoint', type=osp.expanduser, help='checkpoint file')
    parser.add_argument('--out', type=osp.expanduser, help='result file: .pkl for predictions, '
                        '.json, .yml or .pkl for metrics')
    parser.add_argument('--out-item', choices=['pred', 'metrics'],
                        help='content of --out; default: pred')
    parser.add_argument('--show-dir', type=osp.expanduser, help='folder for drawn predictions')
    parser.add_argument('--show', action='store_true', help='show drawn predictions in a window')
    parser.add_argument('--wait-time', type=float, default=2, metavar='S',
                        help='seconds per drawn prediction in --show')
    add_run_arguments(parser)
    return parser.parse_args()


def check_args(args: argparse.Namespace) -> None:
    """Check options that would otherwise fail only after the whole test."""
    if args.out_item and not args.out:
        raise ConfigError(f'--out-item={args.out_item}: needs an output file. Set --out FILE.')
    endings = ('.json', '.yml', '.yaml', '.pkl') if args.out_item == 'metrics' else ('.pkl',)
    if args.out and not args.out.endswith(endings):
        raise ConfigError(f'--out={args.out!r}: wrong ending. Use {" or ".join(endings)}.')


def merge_test_arguments(cfg: Config, args: argparse.Namespace) -> None:
    """Write the options that only ``test.py`` has into ``cfg``."""
    if not cfg.get('test_dataloader'):
        raise ConfigError(f'config={args.config!r}: has no `test_dataloader`. Give a config of '
                          'configs/benchmarks.')
    cfg.load_from = args.checkpoint
    cfg.resume = False
    if args.amp:
        cfg.test_cfg.fp16 = True
    if args.show or args.show_dir:
        draw_predictions(cfg, args)


def draw_predictions(cfg: Config, args: argparse.Namespace) -> None:
    """Enable the visualization hook, whose options differ between the toolboxes."""
    hook = cfg.get('default_hooks', {}).get('visualization')
    if not hook:
        raise ConfigError('default_hooks.visualization: not set, but --show and --show-dir need '
                          "it. Add `visualization=dict(type='VisualizationHook')`.")
    hook.update(show=args.show, wait_time=args.wait_time)
    scope = cfg.get('default_scope')
    hook['draw' if scope in ('mmdet', 'mmseg') else 'enable'] = True
    if args.show_dir and scope == 'mmseg':
        cfg.visualizer.save_dir = args.show_dir
    elif args.show_dir:
        hook['test_out_dir' if scope == 'mmdet' else 'out_dir'] = args.show_dir


def read_config() -> tuple[Config, argparse.Namespace]:
    """Read and check the config of the command line, without torch; also return the options."""
    args = parse_args()
    cfg = load_config(args.config, args.cfg_options)
    check_values(cfg)
    check_args(args)
    merge_run_arguments(cfg, args)
    merge_test_arguments(cfg, args)
    check_checkpoint('checkpoint', args.checkpoint)
    fill_encoder(cfg, args.checkpoint)
    check_data(cfg, ('model', 'test_dataloader', 'test_evaluator'))
    return cfg, args


@exit_on_config_error
def main() -> None:
    end_with_launcher()
    cfg, args = read_config()
    # Imported late because torch and the toolboxes take many seconds.
    from mmengine.dist import is_main_process

    from mmguided.cli.device import prefer_bfloat16
    from mmguided.cli.runner import leave_process_group, test
    if args.amp:
        prefer_bfloat16()
    predictions = None if args.out_item == 'metrics' else args.out
    metrics = test(cfg, predictions)
    if args.out_item == 'metrics' and is_main_process():
        # Metrics of mmseg are NumPy numbers, which YAML files would contain as objects.
        dump({name: value.item() if hasattr(value, 'item') else value
              for name, value in metrics.items()}, args.out)
    leave_process_group()


if __name__ == '__main__':
    main()
