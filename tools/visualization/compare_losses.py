r"""Loss curves of several runs in one figure, over their epochs.

    python tools/visualization/compare_losses.py MAE=work_dirs/mae/vit-b_800e \
        ccMIM=work_dirs/ccmim/vit-b_800e --out work_dirs/losses.png

A panel for each of --keys, which may be anything that all runs have logged; a .pdf is written
beside the picture. Without --keys they are the terms `loss_*` that two or more runs have, such as
loss_reconstruction (ccMIM, Fig. 3b), or else the sum `loss`; of a single run, every `loss*`. By
--keys error_shot_1 error_shot_2 a run of Conditional MAE shows its loss by shot (Fig. 7), on the
same scale.

Losses of methods with other targets or other masks are not comparable: a higher one may be that of
a harder task.
"""
import argparse
from pathlib import Path

from mmguided.cli.arguments import figure_files, named_paths
from mmguided.utils.errors import ConfigError, exit_on_config_error, imports_of_extra
from mmguided.utils.logs import read_curves, shared_losses

with imports_of_extra('analysis'):
    from mmguided.visualization import draw_loss_curves


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('runs', nargs='+', metavar='[NAME=]WORK_DIR')
    parser.add_argument('--keys', nargs='+', metavar='KEY', help='scalars of the log')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/losses.png'),
                        metavar='FILE.png')
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
                raise ConfigError(f'--keys {key}: the run {name!r} has not logged it; it has '
                                  f'{", ".join(curves)}')
    draw_loss_curves(runs, args.keys or shared_losses(runs), outs)
    print(*outs)


if __name__ == '__main__':
    main()
