r"""Compare pretraining configs with several seeds: train them, measure the encoders and tabulate.

    python projects/study/study.py mae=configs/mae/vit-micro_folder-32.py \
        'mae_7e=configs/mae/vit-micro_folder-32.py train_cfg.max_epochs=7' \
        ccmim=configs/ccmim/vit-micro_folder-32.py --data-root FOLDER --seeds 0 1 --jobs 2

A config may be followed by options of its own, as one argument, in which {seed} stands for the
seed, as in model.teacher.checkpoint=work_dirs/study/mae/seed_{seed}/epoch_5.pth.
FOLDER/{train,val}/CLASS/* are small images for training and testing, such as CIFAR-10 as image
files. Each run pretrains on one core. Then the tool measures k-NN and linear accuracy of the
encoder (probe_features.py); with --protocols, the accuracy after each of these benchmark configs
(tools/evaluate.py); and, with --coco, the overlap of guided masks and COCO's objects before and
after training (tools/analysis_tools/mask_objects.py).

The folder --out contains a folder per run, study.json with all numbers and the log of each run by
epoch, study.md with the means and the spread over seeds, study.png with accuracy over top-k
overlap, and study_curves.png with the logged values over epochs (means over seeds). Finished runs
are skipped, even if only their numbers in study.json remain, so you can interrupt a study and add
configs and seeds. Results of other data, configs or options are not reused: they need another
--out.
"""
import argparse
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from mmguided.cli.arguments import (
    add_shared,
    load_config,
    local_path,
    named_paths,
    split_options,
    tool_parser,
)
from mmguided.cli.records import Conditions, read_json, settings_of, write_json
from mmguided.cli.tool_runs import mean_and_spread, options_of, run_all, run_logged
from mmguided.utils.errors import ConfigError, exit_on_config_error, imports_of_extra
from mmguided.utils.logs import Curve, read_curves
from mmguided.utils.tables import markdown_table

with imports_of_extra('analysis'):
    from mmguided.visualization import draw_loss_curves, draw_scatter

HERE = Path(__file__).resolve().parent
TOOLS = HERE.parents[1] / 'tools'
MASK_RATIO = 0.75
KNN = HERE.parents[1] / 'configs/benchmarks/folder/vit-micro_knn.py'
#: Columns of the table, and the keys of a run's result; the protocols follow.
COLUMNS = {
    'top-k overlap': 'topk_overlap', 'reconstruction': 'loss_reconstruction',
    'contrast': 'loss_contrast', 'contrast accuracy': 'contrast_accuracy',
    'objects above chance, untrained': 'untrained_lift',
    'objects above chance, trained': 'trained_lift',
    'visible positions': 'trained_positions', 'visible detail': 'trained_detail',
    'k-NN, k = 20': 'knn_20', 'linear, 1 % of the labels': 'linear_1%',
    'linear, 10 % of the labels': 'linear_10%', 'linear': 'linear'}
#: k-NN accuracy and effective rank after each epoch.
CURVES = dict(type='mmguided.OnlineEvaluationHook', interval=1)
#: Values of the log that do not describe the method.
UNUSED = {'memory', 'lr', 'base_lr', 'loss', 'grad_norm', 'ema_momentum'}


def parse_args() -> argparse.Namespace:
    parser = tool_parser(__doc__, 'configs', '--cfg-options')
    add_shared(parser, '--data-root', required=True, type=local_path)
    parser.add_argument('--coco', type=local_path, metavar='FOLDER',
                        help='folder of annotations/instances_train2017.json and train2017/')
    parser.add_argument('--protocols', nargs='+', default=[], metavar='[NAME=]CONFIG',
                        help='benchmark configs, see tools/evaluate.py')
    add_shared(parser, '--seeds', default=[0, 1])
    parser.add_argument('--jobs', type=int, default=1, metavar='N', help='parallel runs')
    add_shared(parser, '--out', default=Path('work_dirs/study'), metavar='FOLDER')
    return parser.parse_args()


class Run:
    """Training of a config with one seed, and its measurements.

    Args:
        name: Name of the run in tables.
        config: Config, which may be followed by options for it alone. ``{seed}`` in these stands
            for the seed.
        seed: Seed.
        args: Arguments of the command line.
    """

    def __init__(self, name: str, config: str, seed: int, args: argparse.Namespace) -> None:
        self.name, self.seed, self.args = name, seed, args
        self.path, options = split_options(config.replace('{seed}', str(seed)))
        self.cfg = load_config(self.path)
        self.options = options_of(self.cfg, args.cfg_options) | options
        self.cfg.merge_from_dict(self.options)
        hooks = self.cfg.get('custom_hooks', [])
        if not any(str(hook.type).endswith('OnlineEvaluationHook') for hook in hooks):
            self.options['custom_hooks'] = [*hooks, CURVES]
            self.cfg.merge_from_dict({'custom_hooks': self.options['custom_hooks']})
        self.is_guided = bool(self.cfg.model.mask_generator.get('guidance'))
        self.folder = args.out / self.name / f'seed_{seed}'
        self.epochs = self.cfg.train_cfg.max_epochs
        self.conditions = Conditions(
            dict(data_root=str(args.data_root), **settings_of(self.cfg)), self.folder)

    def __call__(self) -> dict:
        """Run the remaining steps; return the result."""
        self.conditions.save()
        checkpoint = self.folder / f'epoch_{self.epochs}.pth'
        if not checkpoint.is_file():
            self._tool('pretraining', TOOLS / 'train.py', self.path, '--resume', '--work-dir',
                       self.folder, *self._options())
        log = self._log()
        result = dict(config=self.name, seed=self.seed, conditions=self.conditions.digest, log=log,
                      **{key: [*values.values()][-1] for key, values in log.items()
                         if key in COLUMNS.values()},
                      **self._measured('features', HERE / 'probe_features.py', KNN, checkpoint,
                                       '--data-root', self.args.data_root))
        if self.args.coco and self.is_guided:
            for name, epoch in (('untrained', 0), ('trained', self.epochs)):
                row = self._objects(name, epoch)["the config's"]
                result |= {f'{name}_{key}': value for key, value in row.items()}
        if self.args.protocols:
            result['protocols'] = self._protocols(checkpoint)
        return result

    def is_in(self, results: dict) -> bool:
        """Return True if the results contain all numbers of the run."""
        result = results.get((self.name, self.seed))
        return result is not None and (
            not (self.args.coco and self.is_guided) or 'trained_lift' in result) and (
            named_paths('--protocols', self.args.protocols).keys()
            <= result.get('protocols', {}).keys())

    def _options(self) -> list[str]:
        """Options of data and seed, and the --cfg-options whose fields exist in the config."""
        options = {
            'train_dataloader.dataset.data_root': self.args.data_root / 'train',
            'randomness.seed': self.seed, **self.options}
        return ['--cfg-options', *(f'{key}={value}' for key, value in options.items())]

    def _objects(self, name: str, epoch: int) -> dict:
        coco, checkpoint = self.args.coco, self.folder / f'epoch_{epoch}.pth'
        return self._measured(
            f'objects_{name}', TOOLS / 'analysis_tools/mask_objects.py', self.path,
            *([checkpoint] if epoch else []),
            '--annotations', coco / 'annotations/instances_train2017.json',
            '--images', coco / 'train2017', '--seed', self.seed,
            '--progress', epoch / self.epochs, *self._options(),
            out=self.folder / f'objects_{name}', result='mask_objects.json')

    def _protocols(self, checkpoint: Path) -> dict[str, dict[str, float]]:
        """Metrics by protocol."""
        out = self.folder / 'protocols'
        record = out / 'evaluation.json'
        paths = named_paths('--protocols', self.args.protocols)
        if not record.is_file() or not paths.keys() <= {
                row['protocol'] for row in read_json(record)}:
            trains = any(load_config(split_options(path)[0]).get('train_cfg')
                         for path in paths.values())
            self._tool('protocols', TOOLS / 'evaluate.py', f'{self.name}={checkpoint}',
                       '--protocols', *self.args.protocols, '--data-root', self.args.data_root,
                       '--seeds', self.seed, '--out', out,
                       *(('--occlusion', .5, '--shuffle', 'patches') if trains else ()))
        return {row['protocol']: row['metrics'] for row in read_json(record)}

    def _measured(self, name: str, tool: Path, *arguments, out: Path | None = None,
                  result: str = '') -> dict:
        """Read the output of a tool; run the tool first if necessary."""
        out = out or self.folder / f'{name}.json'
        if not (out / result).is_file():
            self._tool(name, tool, *arguments, '--out', out)
        return read_json(out / result)

    def _log(self) -> dict[str, dict[str, float]]:
        """Mean of each logged value over each epoch; the keys are those of JSON."""
        log = {}
        for key, curve in read_curves(self.folder).items():
            if key not in UNUSED:
                epochs = np.ceil(curve.epochs.round(6)).astype(int)
                log[key] = {str(epoch): curve.values[epochs == epoch].mean()
                            for epoch in np.unique(epochs)}
        return log

    def _tool(self, log: str, tool: Path, *arguments) -> None:
        run_logged(f'{self.path}, seed {self.seed}', self.folder / f'{log}.log', sys.executable,
                   tool, *arguments, threads=1)


def by_config(results: Collection[dict]) -> dict[str, list[dict]]:
    """Results of each config, in the order of the seeds."""
    groups = {}
    for result in sorted(results, key=lambda result: result['seed']):
        groups.setdefault(result['config'], []).append(result)
    return groups


def table(results: Collection[dict]) -> str:
    """Format a Markdown table with a row per config: means over seeds, and half of the range. With
    several seeds, the last row is the standard deviation over seeds, pooled over configs."""
    groups = by_config(results)
    protocols = dict.fromkeys(
        (protocol, metric) for runs in groups.values() for run in runs
        for protocol, metrics in run.get('protocols', {}).items() for metric in metrics
        if metric.startswith(('accuracy/top1', 'occlusion', 'shuffle')))
    columns = {title: ([[run[key] for run in runs if key in run] for runs in groups.values()],
                       1 if key.startswith(('knn', 'linear')) else 2)
               for title, key in COLUMNS.items()}
    columns |= {f'{protocol}: {metric}': (
        [[run['protocols'][protocol][metric] for run in runs
          if protocol in run.get('protocols', {})] for runs in groups.values()], 1)
        for protocol, metric in protocols}
    rows = [[f'`{name}`', ', '.join(str(run['seed']) for run in runs),
             *(mean_and_spread(values[index], digits) for values, digits in columns.values())]
            for index, (name, runs) in enumerate(groups.items())]
    if any(len(runs) > 1 for runs in groups.values()):
        rows.append(['standard deviation', '', *(
            pooled_deviation(values, digits) for values, digits in columns.values())])
    return markdown_table(['config', 'seeds', *columns], rows)


def pooled_deviation(groups: Sequence[Sequence[float]], digits: int) -> str:
    """Format the standard deviation within groups, pooled over the groups; ``'-'`` if no group has
    two values."""
    groups = [group for group in groups if len(group) > 1]
    if not groups:
        return '-'
    squares = sum(np.var(group) * len(group) for group in groups)
    return f'{(squares / sum(len(group) - 1 for group in groups)) ** 0.5:.{digits}f}'


def draw(results: Collection[dict], out: Path, num_classes: int) -> None:
    """Draw accuracies over the overlap with top-k, and chance if the classes are known."""
    panels = {
        label: {name: [(run.get('topk_overlap', MASK_RATIO), run[key]) for run in runs]
                for name, runs in by_config(results).items()}
        for label, key in (('k-NN accuracy, %', 'knn_20'), ('linear accuracy, %', 'linear'))}
    draw_scatter(panels, 'masked patches among those with the highest scores (chance: .75)', out,
                 (f'chance, {num_classes} classes', 100 / num_classes) if num_classes else None)


def draw_logs(results: Collection[dict], out: Path) -> None:
    """Draw each logged value over epochs, means over the seeds that have logged it."""
    curves = {}
    for name, runs in by_config(results).items():
        values = {}
        for run in runs:
            for key, log in run['log'].items():
                for epoch, value in log.items():
                    values.setdefault(key, {}).setdefault(float(epoch), []).append(value)
        curves[name] = {key: Curve(np.array(sorted(log)), np.array([
            np.mean(log[epoch]) for epoch in sorted(log)])) for key, log in values.items()}
    keys = dict.fromkeys(key for scalars in curves.values() for key in scalars)
    draw_loss_curves(curves, list(keys), [out])


@exit_on_config_error
def main() -> None:
    args = parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    record = args.out / 'study.json'
    done = read_json(record) if record.is_file() else []
    results = {(result['config'], result['seed']): result for result in done}
    num_classes = sum(path.is_dir() for path in (args.data_root / 'val').glob('*'))
    configs = {name.rpartition('/')[2]: path
               for name, path in named_paths('config', args.configs).items()}
    if len(configs) < len(args.configs):
        raise ConfigError(f'configs={args.configs}: two configs have the same name. Put NAME= in '
                          'front of one config.')
    runs = [Run(name, path, seed, args) for seed in args.seeds for name, path in configs.items()]
    for run in runs:
        run.conditions.check(args.out, f'{run.name}, seed {run.seed}',
                             results.get((run.name, run.seed)))
    try:
        for result in run_all([run for run in runs if not run.is_in(results)], args.jobs):
            results[result['config'], result['seed']] = result
            print(f'{result["config"]}, seed {result["seed"]}: k-NN {result["knn_20"]:.1f}, linear '
                  f'{result["linear"]:.1f}', flush=True)
            write_json(record, list(results.values()))
            (args.out / 'study.md').write_text(table(results.values()) + '\n')
            draw(results.values(), args.out / 'study.png', num_classes)
            draw_logs(results.values(), args.out / 'study_curves.png')
    finally:
        print(f'\n{table(results.values())}\n\n{args.out}: study.json, study.md, study.png, '
              'study_curves.png')


if __name__ == '__main__':
    main()
