"""Train a config of mmguided, mmpretrain, mmdet or mmseg.

    python tools/train.py configs/ccmim/vit-b_800e.py
    bash tools/dist_train.sh configs/ccmim/vit-b_800e.py 8
"""
import argparse

from mmengine.config import Config

from mmguided.cli.arguments import add_common_arguments, load_config, merge_common_args
from mmguided.cli.config_checks import (
    check_checkpoint,
    check_data,
    check_pretrained,
    check_start,
    check_teacher,
    check_work_dir,
    drop_pretrained,
)
from mmguided.utils.errors import ConfigError, exit_on_config_error


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Train a model')
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--resume', nargs='?', const='auto', metavar='CKPT',
        help='go on from CKPT, or without CKPT from the latest checkpoint in the work dir, if any')
    parser.add_argument(
        '--auto-scale-lr', action='store_true',
        help='scale the learning rate by actual batch size / auto_scale_lr.base_batch_size')
    parser.add_argument('--no-validate', action='store_true', help='skip validation')
    add_common_arguments(parser)
    return parser.parse_args()


def merge_train_args(cfg: Config, args: argparse.Namespace) -> None:
    """Write the options that only training has into ``cfg``."""
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    if args.amp:
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
        cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')
    if args.resume:
        cfg.resume = True
        cfg.load_from = None if args.resume == 'auto' else args.resume
    if args.auto_scale_lr:
        if not cfg.get('auto_scale_lr', {}).get('base_batch_size'):
            raise ConfigError('auto_scale_lr.base_batch_size is not set, and --auto-scale-lr needs '
                              'it: set it to the batch size that the learning rate is meant for')
        cfg.auto_scale_lr.enable = True


def read_config() -> Config:
    """The config of the command line, checked as far as that goes without torch."""
    args = parse_args()
    cfg = load_config(args.config, args.cfg_options)
    if args.resume and args.resume != 'auto':
        check_checkpoint(
            '--resume', args.resume,
            'give a checkpoint, or --resume alone for the latest one in the work dir')
    merge_common_args(cfg, args)
    merge_train_args(cfg, args)
    drop_pretrained(cfg)
    check_pretrained(cfg)
    check_teacher(cfg)
    check_data(cfg, ('model', 'train_dataloader', 'val_dataloader', 'custom_hooks'))
    check_start(cfg)
    check_work_dir(cfg)
    return cfg


@exit_on_config_error
def main() -> None:
    cfg = read_config()
    # Only here, since it imports torch and the toolboxes, which takes many seconds.
    from mmguided.cli.runner import leave_process_group, train
    train(cfg)
    leave_process_group()


if __name__ == '__main__':
    main()
