"""Train a config of mmguided, mmpretrain, mmdet or mmseg.

    python tools/train.py configs/ccmim/vit-b_800e.py
    bash tools/dist_train.sh configs/ccmim/vit-b_800e.py 8
"""
import argparse
import os.path as osp
import sys

from mmengine.config import Config

from mmguided.cli.arguments import (
    add_run_arguments,
    add_shared,
    fill_encoder,
    load_config,
    merge_run_arguments,
    positive,
    tool_parser,
)
from mmguided.cli.config_checks import (
    check_data,
    check_start,
    check_values,
    check_work_dir,
    resume_newest,
)
from mmguided.cli.launch import end_with_launcher
from mmguided.cli.run_settings import set_epochs, set_img_size
from mmguided.utils.errors import ConfigError, exit_on_config_error
from mmguided.utils.interruption import exit_before_training, handle_signals


def parse_args() -> argparse.Namespace:
    parser = tool_parser(__doc__, 'config')
    parser.add_argument(
        '--resume', nargs='?', const='auto', type=osp.expanduser, metavar='CHECKPOINT',
        help='checkpoint to resume from; without a path, the newest complete one in the work dir, '
        'if any')
    parser.add_argument(
        '--auto-scale-lr', action='store_true',
        help='scale the learning rate by images per optimizer step / '
        'auto_scale_lr.base_batch_size')
    parser.add_argument('--epochs', type=positive, metavar='N',
                        help='length of the run and of its schedules; a warm-up in epochs stays')
    parser.add_argument('--batch-size', type=positive, metavar='N',
                        help='batch size of each process')
    parser.add_argument('--lr', type=float, help='learning rate, for the actual batch size; with '
                        '--auto-scale-lr, for auto_scale_lr.base_batch_size')
    add_shared(parser, '--img-size')
    parser.add_argument('--no-validate', action='store_true', help='skip validation')
    parser.add_argument('--dry-run', action='store_true', help='run one training step and one '
                        'validation batch to find mistakes, and write nothing')
    add_run_arguments(parser)
    return parser.parse_args()


def merge_train_arguments(cfg: Config, args: argparse.Namespace) -> None:
    """Write the options that only ``train.py`` has into ``cfg``."""
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    if args.amp:
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
        cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')
    if args.resume == 'auto':
        resume_newest(cfg)
    elif args.resume:
        cfg.resume, cfg.load_from = True, args.resume
    if args.epochs is not None:
        set_epochs(cfg, args.epochs)
    if args.batch_size is not None:
        cfg.train_dataloader.batch_size = args.batch_size
    if args.img_size is not None:
        set_img_size(cfg, args.img_size)
    if args.lr is not None:
        cfg.optim_wrapper.optimizer.lr = args.lr
    if args.auto_scale_lr:
        cfg.merge_from_dict({'auto_scale_lr.enable': True})
    elif args.lr is not None:
        cfg.auto_scale_lr = None  # the rate is for this batch
    auto = cfg.get('auto_scale_lr') or {}
    if auto.get('enable') and not auto.get('base_batch_size'):
        raise ConfigError('auto_scale_lr.base_batch_size: not set. Set it to the number of images '
                          'per optimizer step for which the learning rate is meant.')


def read_config() -> tuple[Config, argparse.Namespace]:
    """Read and check the config of the command line, without torch; also return the options."""
    args = parse_args()
    cfg = load_config(args.config, args.cfg_options)
    check_values(cfg)
    merge_run_arguments(cfg, args)
    merge_train_arguments(cfg, args)
    fill_encoder(cfg, check_start(cfg))
    check_data(cfg, ('model', 'train_dataloader', 'val_dataloader', 'val_evaluator',
                     'custom_hooks'))
    check_work_dir(cfg)
    return cfg, args


@exit_on_config_error
def main() -> None:
    end_with_launcher()
    with handle_signals(exit_before_training):
        cfg, args = read_config()
        # Imported late because torch and the toolboxes take many seconds.
        from mmguided.cli.runner import dry_run, leave_process_group, train
        code = (dry_run if args.dry_run else train)(cfg)
        leave_process_group()
        if code:
            sys.exit(code)


if __name__ == '__main__':
    main()
