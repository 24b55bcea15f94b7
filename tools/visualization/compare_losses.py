r"""Draw the loss curves of several runs over their epochs.

    python tools/visualization/compare_losses.py MAE=work_dirs/mae/vit-b_800e \
        ccMIM=work_dirs/ccmim/vit-b_800e --out work_dirs/losses.png

The figure has a panel for each of --keys, which can be any scalar that all runs have logged. By
default, it shows the terms `loss_*` that two or more runs have logged, such as loss_reconstruction
(ccMIM, Fig. 3b), or else the sum `loss`. For a single run, it shows all `loss*`. `--keys
error_shot_1 error_shot_2` shows the loss by shot of Conditional MAE (Fig. 7), on the same scale.
`--keys accuracy/top1` shows the accuracy over the epochs of fine-tuning (CMAE, Fig. 4b).

Losses of methods with different targets or masks are not comparable: a higher loss can belong to a
harder task.
"""
import argparse
from pathlib import Path

from mmguided.cli.arguments import add_shared, figure_files, named_paths, tool_parser
from mmguided.utils.errors import ConfigError, exit_on_config_error, imports_of_extra
from mmguided.utils.logs import read_curves, shared_losses

with imports_of_extra('analysis'):
    from mmguided.visualization import draw_loss_curves


def parse_args() -> argparse.Namespace:
    parser = tool_parser(__doc__, 'runs')
    parser.add_argument('--keys', nargs='+', metavar='KEY', help='scalars of the log')
    add_shared(parser, '--out', default=Path('work_dirs/losses.png'), metavar='FILE')
    return parser.parse_args()


@exit_on_config_error
def main() -> None:
    args = parse_args()
    outs = figure_files(args.out)
    runs = {name: read_curves(folder)
            for name, folder in named_paths('work_dir', args.runs).items()}
    for key in args.keys or ():
        for name, curves in runs.items():
            if key not in curves:
                raise ConfigError(f'--keys={key}: not in the log of {name!r}. Give some of '
                                  f'{", ".join(curves)}.')
    draw_loss_curves(runs, args.keys or shared_losses(runs), outs)
    print(*outs)


if __name__ == '__main__':
    main()
