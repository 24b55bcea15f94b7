r"""List the settings of Conditional MAE's study (Sec. 3.1, A.3, A.4) and their commands.

    cd projects/conditional_mae_study
    python conditional_mae_study.py                                  # all settings
    python conditional_mae_study.py --only 'vit-s_0-10_*'            # some, by name
    python conditional_mae_study.py --only 'vit-b_*' --out FOLDER    # as config files

The table lists the shots in the paper's notation, the published top-1 on ImageNet-100 by linear
probe and fine-tuning ("-" if the paper has no number), and the command. All settings pretrain for
300 epochs on ImageNet-100. Create its class list first, see
configs/_base_/datasets/imagenet100_224.py. For evaluation, see configs/conditional_mae/README.md.
"""
import fnmatch
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mmguided.cli.arguments import add_shared, tool_parser
from mmguided.utils.errors import ConfigError, exit_on_config_error

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'

# Layers, mask ratios and fine-tuning accuracy of Table 7. All settings start at layer 0.
THREE_SHOTS = {
    (0, 4, 8): {(.5, .5, .5): 66.42},
    (0, 5, 10): {
        (.5, .5, .5): 67.2,
        (.75, .25, .25): 73.5,
        (.75, .25, .1): 77.7,
        (.75, .1, .1): 80.9
    },
    (0, 6, 11): {(.75, .25, .1): 77.7, (.75, .1, .1): 80.9},
    (0, 3, 6): {(.5, .5, .5): 64.1, (.75, .25, .1): 77.1, (.75, .1, .1): 80.5},
    (0, 2, 4): {(.75, .1, .1): 80.3},
    (0, 1, 2): {(.75, .1, .1): 81.4},
    (0, 3, 10): {(.5, .5, .5): 64.7, (.75, .25, .1): 78.1, (.75, .1, .1): 81.3},
    (0, 2, 10): {(.75, .1, .1): 81.4},
    (0, 1, 10): {(.75, .1, .1): 81.8},
    (0, 9, 10): {(.75, .1, .1): 81.7},
    (0, 8, 10): {(.75, .1, .1): 81.6},
    (0, 10, 11): {(.75, .1, .1): 81.9},
}

# Published accuracies of the other settings in percent, with their sources.
LINEAR = {
    # Table 1
    'vit-s_0_0.75': 45.0,
    'vit-s_0_0.9': 44.9,
    'vit-b_0_0.75': 62.9,
    'vit-b_0_0.9': 57.9,
    # Table 3
    'vit-s_0-10_0.75-0.15_uniform-weights': 31.0,
    'vit-s_0-10_0.75-0.15_ratio-weights': 35.2,
    'vit-s_0-10_0.9-0.1_uniform-weights': 35.5,
    'vit-s_0-10_0.9-0.1_ratio-weights': 36.3,
    # Sec. 3.1.3
    'vit-s_0-1-10_0.75-0.1-0.1': 31.0,
    'vit-s_0-10-11_0.75-0.1-0.1': 29.6,
}
FINE_TUNED = {
    # Table 1, and Table 4 for ViT-B at .75; footnote 6 has 81.2 for ViT-S at .9
    'vit-s_0_0.75': 82.5,
    'vit-s_0_0.9': 81.3,
    'vit-b_0_0.75': 86.88,
    'vit-b_0_0.9': 85.6,
    # Footnote 6
    'vit-s_0_0.775': 83.2,
    'vit-s_0_0.905': 81.1,
    'vit-s_0-10_0.75-0.1': 84.6,
    'vit-s_0-10_0.9-0.05': 82.1,
    # Table 3
    'vit-s_0-10_0.75-0.15_uniform-weights': 83.9,
    'vit-s_0-10_0.75-0.15_ratio-weights': 83.9,
    'vit-s_0-10_0.9-0.1_uniform-weights': 81.9,
    'vit-s_0-10_0.9-0.1_ratio-weights': 82.0,
    # Table 4
    'vit-b_0-10_0.75-0.1': 87.66,
    'vit-b_0-10_0.75-0.15': 87.46,
    'vit-b_0-11_0.75-0.1': 87.26,
}


@dataclass(frozen=True)
class Setting:
    """Setting of the study.

    Attributes:
        encoder: 'vit-s' or 'vit-b'.
        shots: ``(layer, mask_ratio)``, see :class:`mmguided.models.MaskGenerator`.
        shot_weights: 'equal', 'uniform' or 'ratio', see :class:`mmguided.models.ConditionalMAE`.
    """
    encoder: str
    shots: tuple[tuple[int, float], ...]
    shot_weights: str = 'equal'

    @property
    def notation(self) -> str:
        """``L(i,j;eta_1,eta_2)``, Sec. 3.1.2."""
        layers, ratios = zip(*self.shots, strict=True)
        return f"L({','.join(map(str, layers))};{','.join(f'{r:g}'[1:] for r in ratios)})"

    @property
    def name(self) -> str:
        """Name of files and folders, such as vit-s_0-10_0.75-0.1."""
        parts = ['-'.join(f'{value:g}' for value in values)
                 for values in zip(*self.shots, strict=True)]
        suffix = [] if self.shot_weights == 'equal' else [f'{self.shot_weights}-weights']
        return '_'.join([self.encoder, *parts, *suffix])

    @property
    def linear(self) -> float | None:
        """Published top-1 accuracy on ImageNet-100 by linear probe, in percent."""
        return LINEAR.get(self.name)

    @property
    def fine_tuned(self) -> float | None:
        """Published top-1 accuracy on ImageNet-100 by fine-tuning, in percent."""
        layers, ratios = zip(*self.shots, strict=True)
        return THREE_SHOTS.get(layers, {}).get(ratios, FINE_TUNED.get(self.name))

    @property
    def config(self) -> str:
        """Path below configs/ of the base config."""
        return 'conditional_mae/vit-b_300e_in100.py'

    @property
    def command(self) -> str:
        """Shell command that pretrains on eight GPUs."""
        shots = repr(self.shots).replace(' ', '')
        weights = '' if self.shot_weights == 'equal' else f' model.shot_weights={self.shot_weights}'
        arch = ' model.backbone.arch=small' if self.encoder == 'vit-s' else ''
        return (f'tools/dist_train.sh configs/{self.config} 8 '
                f'--work-dir work_dirs/conditional_mae/{self.name} '
                f'--cfg-options "model.mask_generator.shots={shots}"{weights}{arch}')


def settings() -> Iterator[Setting]:
    """Yield all settings of the study."""
    for layer in (0, 3, 6, 9):  # Fig. 2
        for ratio in (.75, .9):
            yield Setting('vit-s', ((layer, ratio), ))
    for ratio in (.75, .9):  # Table 1
        yield Setting('vit-b', ((0, ratio), ))
    for ratio in (.775, .905):  # keep as many tokens as L(0,10;.75,.1) and L(0,10;.9,.05)
        yield Setting('vit-s', ((0, ratio), ))

    for first, seconds in ((.75, (.5, .25, .15, .1)),  # Fig. 3
                           (.9, (.5, .25, .15, .1, .05))):  # A.3.1, without .5 in the text
        for layer in (3, 6, 9, 10, 11):
            for second in seconds:
                yield Setting('vit-s', ((0, first), (layer, second)))
    for layer, second in ((10, .1), (10, .15), (11, .1)):  # Table 4
        yield Setting('vit-b', ((0, .75), (layer, second)))
    for first, second in ((.75, .15), (.9, .1)):  # Table 3
        for shot_weights in ('uniform', 'ratio'):
            yield Setting('vit-s', ((0, first), (10, second)), shot_weights)

    for layers, by_ratios in THREE_SHOTS.items():
        for ratios in by_ratios:
            yield Setting('vit-s', tuple(zip(layers, ratios, strict=True)))


def write(setting: Setting, folder: Path) -> None:
    """Write the config of a setting, with the path of its base relative to the folder."""
    base = Path(os.path.relpath(CONFIGS / setting.config, folder.resolve())).as_posix()
    weights = ('' if setting.shot_weights == 'equal' else
               f', shot_weights={setting.shot_weights!r}')
    arch = "backbone=dict(arch='small'), " if setting.encoder == 'vit-s' else ''
    (folder / f'{setting.name}.py').write_text(
        f'"""{setting.notation} of Conditional MAE\'s study, {setting.shot_weights} weights."""\n'
        f'_base_ = [{base!r}]\n\n'
        f'model = dict({arch}mask_generator=dict(shots={setting.shots}){weights})\n')


@exit_on_config_error
def main() -> None:
    parser = tool_parser(__doc__)
    parser.add_argument('--only', default='*', metavar='PATTERN',
                        help='names of settings, such as "vit-s_0-10_*"')
    add_shared(parser, '--out', metavar='FOLDER', help='write configs instead of the table')
    args = parser.parse_args()

    chosen = [setting for setting in settings() if fnmatch.fnmatchcase(setting.name, args.only)]
    if not chosen:
        raise ConfigError(f'--only={args.only!r}: no match. Omit --only to list all names.')
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)
        for setting in chosen:
            write(setting, args.out)
        print(f'{len(chosen)} configs written to {args.out}')
        return
    row = '{:38}{:24}{:>6}{:>11}  {}'
    print(row.format('name', 'shots', 'linear', 'fine-tuned', 'command'))
    for setting in chosen:
        linear, fine_tuned = (number or '-' for number in (setting.linear, setting.fine_tuned))
        print(row.format(setting.name, setting.notation, linear, fine_tuned, setting.command))


if __name__ == '__main__':
    main()
