r"""Evaluate checkpoints with one or more benchmark configs (protocols).

    python tools/evaluate.py mae=CHECKPOINT ccmim=CHECKPOINT --data-root data/imagenet --gpus 8 \
        --protocols configs/benchmarks/imagenet/vit-b_{knn,linear-90e,finetune-100e}.py

Protocols with training start from the checkpoint's encoder, and the trained model is tested. With
any other protocol, the checkpoint itself is tested. --occlusion and --shuffle also test every
trained classifier on occluded and shuffled images (analysis_tools/robustness.py). --untrained adds
the encoder with its initial weights. Options for one protocol follow its config within quotes, as
in 'last-block=configs/benchmarks/folder/vit_finetune.py model.backbone.frozen_stages=11'.

The folder --out contains a folder per run with its logs and trained checkpoints; evaluation.json
with all metrics; and evaluation.md, a table of protocols and metrics by checkpoint. Finished runs
are skipped and interrupted runs resume, so more checkpoints, protocols or seeds can be added later.
Results of other settings are refused.
"""
import argparse
import ast
import os
import re
import sys
from collections.abc import Collection
from pathlib import Path
from statistics import mean

from mmengine.config import Config

from mmguided.cli.arguments import (
    add_shared,
    load_config,
    named_checkpoints,
    named_paths,
    positive,
    shuffle_level,
    split_options,
    tool_parser,
)
from mmguided.cli.launch import lock_folder
from mmguided.cli.records import (
    Conditions,
    digest,
    file_hash,
    names_hash,
    read_json,
    settings_of,
    write_json,
)
from mmguided.cli.tool_runs import (
    is_accuracy,
    main_metrics,
    mean_and_spread,
    options_of,
    run_all,
    run_logged,
)
from mmguided.hub import get_model, read_config
from mmguided.utils.configs import pretrained_settings
from mmguided.utils.errors import ConfigError, exit_on_config_error
from mmguided.utils.tables import markdown_table

TOOLS = Path(__file__).resolve().parent
def parse_args() -> argparse.Namespace:
    parser = tool_parser(__doc__, 'checkpoints', '--data-root', '--cfg-options',
                         '--trust-checkpoint')
    parser.add_argument('--protocols', nargs='+', required=True, metavar='[NAME=]CONFIG')
    add_shared(parser, '--seeds', help='seeds of protocols with training; other protocols run once')
    parser.add_argument('--occlusion', nargs='+', type=float, default=[], metavar='RATIO',
                        help='shares of the patches to hide')
    parser.add_argument('--shuffle', nargs='+', type=shuffle_level, default=[], metavar='GRID',
                        help='GRID x GRID cells per image to shuffle, or `patches`')
    parser.add_argument('--untrained', action='store_true',
                        help='add the encoder of the first checkpoint with its initial weights')
    parser.add_argument('--gpus', type=positive, default=1, metavar='N',
                        help='processes of each run')
    parser.add_argument('--jobs', type=positive, default=1, metavar='N', help='parallel runs')
    add_shared(parser, '--out', default=Path('work_dirs/evaluation'), metavar='FOLDER')
    return parser.parse_args()


class Protocol:
    """Benchmark config.

    Raises:
        ConfigError: If the config has no test data, or would train without the checkpoint.
    """

    def __init__(self, name: str, config: str, args: argparse.Namespace) -> None:
        config, options = split_options(config)
        self.name, self.config = name, config
        cfg = load_config(config)
        self.options = options_of(cfg, args.cfg_options) | options
        if self.options:
            cfg = load_config(config, self.options)  # checks the options
        self.settings = settings_of(cfg)
        #: Hash of the names of the data.
        self.files = names_hash([args.data_root] if args.data_root else sorted({
            ast.literal_eval(value) for name, value in self.settings.items()
            if name.endswith('.data_root') and value != 'None'}))
        if not cfg.get('test_dataloader'):
            raise ConfigError(f'--protocols={config!r}: has no `test_dataloader`. Give a config of '
                              'configs/benchmarks.')
        self.trains = cfg.get('train_cfg') is not None
        if self.trains and pretrained_settings(cfg.model.backbone.get('init_cfg')) is None:
            raise ConfigError(f'--protocols={config!r}: model.backbone.init_cfg loads no '
                              "checkpoint. Set it to dict(type='Pretrained', checkpoint='', "
                              "prefix='backbone.').")
        is_classifier = self.trains and cfg.model.type.endswith('ImageClassifier')
        #: Names of the metrics on perturbed images.
        self.perturbations = {
            _perturbation(kind, level) for kind, levels in (
                ('occlusion', args.occlusion), ('shuffle', args.shuffle))
            for level in levels if is_classifier}


class Run:
    """Evaluation of a checkpoint by a protocol with one seed.

    Args:
        name: Name of the checkpoint.
        checkpoint: Checkpoint file.
        sha256: Hash of the checkpoint.
        protocol: Protocol.
        seed: Seed of the training.
        args: Arguments of the command line.

    Attributes:
        key: Name of the checkpoint, name of the protocol, seed.
        folder: Folder of the run.
        conditions: All settings on which the metrics depend.
        settings: Hash of those that all runs of the protocol must share.
    """

    def __init__(self, name: str, checkpoint: Path, sha256: str, protocol: Protocol, seed: int,
                 args: argparse.Namespace) -> None:
        self.checkpoint, self.protocol, self.args = checkpoint, protocol, args
        self.key = (name, protocol.name, seed)
        self.folder = args.out / re.sub(r'[^\w.-]+', '_', name) / protocol.name / f'seed_{seed}'
        self.sha256 = sha256
        data_root = args.data_root and os.path.normpath(args.data_root)
        # The batch size of a training depends on the number of processes.
        processes = dict(gpus=str(args.gpus)) if protocol.trains else {}
        settings = dict(data_root=repr(data_root), files=protocol.files) | processes
        settings |= protocol.settings
        self.settings = digest(settings)
        self.conditions = Conditions(dict(sha256=sha256) | settings, self.folder)

    def __call__(self) -> dict:
        """Run the remaining steps; return key, hashes, test data and metrics."""
        self.conditions.save()
        tested = self._trained() if self.protocol.trains else self.checkpoint
        metrics = self._metrics(tested)
        data = {name: metrics.pop(name, None) for name in ('samples', 'chance')}
        if self.protocol.perturbations:
            metrics |= self._perturbed(tested)
        return dict(zip(('checkpoint', 'protocol', 'seed'), self.key, strict=True),
                    sha256=self.sha256, data_root=self.args.data_root,
                    conditions=self.conditions.digest, settings=self.settings, **data,
                    metrics=metrics)

    def is_in(self, results: dict) -> bool:
        """Return True if the results contain all metrics of the run."""
        result = results.get(self.key)
        return bool(result) and self.protocol.perturbations <= result['metrics'].keys()

    def check(self, results: dict) -> None:
        """Raise ConfigError if the run has a result, metrics or a trained checkpoint of another
        checkpoint, protocol or data, or if results with which the table compares it do. A run that
        failed before starts again."""
        result = results.get(self.key)
        if result or (self.folder / 'metrics.json').is_file() or any(self.folder.glob('*.pth')):
            self.conditions.check(self.args.out, str(self), result)
        name, protocol, _ = self.key
        for other in results.values():
            start = (f"--out='{self.args.out}': the results of {other['checkpoint']}, "
                     f"{other['protocol']}, seed {other['seed']} have")
            if other['protocol'] == protocol and (
                    other.get('settings', self.settings) != self.settings):
                raise ConfigError(f'{start} another protocol, other options, data or processes. '
                                  'Set another --out, or another NAME= of the protocol.')
            if other['checkpoint'] == name and other['sha256'] != self.sha256:
                raise ConfigError(f'{start} another checkpoint of this name. Set another --out, or '
                                  'another NAME= of the checkpoint.')

    def __str__(self) -> str:
        name, protocol, seed = self.key
        return f'{name}, {protocol}, seed {seed}'

    def _trained(self) -> Path:
        """Train if necessary; return the trained checkpoint."""
        done = self.folder / 'trained'
        if not done.is_file():
            self._run('train', '--resume', '--work-dir', self.folder, options={
                'model.backbone.init_cfg.checkpoint': self.checkpoint})
            done.write_text((self.folder / 'last_checkpoint').read_text())
        return Path(done.read_text().strip())

    def _metrics(self, checkpoint: Path) -> dict:
        out = self.folder / 'metrics.json'
        if not out.is_file():
            self._run('test', checkpoint, '--work-dir', self.folder / 'test', '--out', out,
                      '--out-item', 'metrics')
        return read_json(out)

    def _run(self, tool: str, *arguments, options: dict | None = None) -> None:
        """Run train.py or test.py with the protocol in ``--gpus`` processes."""
        gpus, script = self.args.gpus, f'{tool}.py'
        command = ([sys.executable, TOOLS / script] if gpus == 1 else
                   ['bash', TOOLS / 'dist_launch.sh', script, gpus])
        self._logged(tool, *command, self.protocol.config, *arguments, options=options)

    def _perturbed(self, checkpoint: Path) -> dict:
        """Accuracies on perturbed images, by name."""
        out = self.folder / 'robustness'
        self._logged('robustness', sys.executable, TOOLS / 'analysis_tools/robustness.py',
                     self.protocol.config, f'trained={checkpoint}', '--out', out,
                     '--occlusion', *self.args.occlusion, '--shuffle', *self.args.shuffle)
        record = read_json(out / 'robustness.json')
        rows, = record['results'].values()
        found = {_perturbation(row['perturbation'], row['level']): row['top1'] for row in rows}
        if grid := record['patch_grids'].get('trained'):
            cells = _perturbation('shuffle', grid)
            found['shuffle patches'] = found[cells]
            if grid not in self.args.shuffle:
                del found[cells]  # the same result
        return found

    def _logged(self, log: str, *command, options: dict | None = None) -> None:
        options = self.protocol.options | {'randomness.seed': self.key[2]} | (options or {})
        data = ('--data-root', self.args.data_root) if self.args.data_root else ()
        run_logged(str(self), self.folder / f'{log}.log', *command, *data, '--cfg-options',
                   *(f'{key}={value}' for key, value in options.items()),
                   threads=1 if self.args.jobs > 1 else None)


def _perturbation(name: str, level: float | str) -> str:
    return f'{name} {level}' if level == 'patches' else f'{name} {level:g}'


def save_untrained(source: Path, out: Path) -> None:
    """Save the encoder of a checkpoint's config with its initial weights, and its config."""
    import torch  # late because it takes many seconds
    cfg = read_config(str(source))
    backbone = cfg.model.backbone
    backbone.init_cfg = None
    torch.manual_seed(0)
    encoder = get_model(Config(dict(
        model=backbone, default_scope=cfg.get('default_scope', 'mmengine'),
        custom_imports=cfg.get('custom_imports'))))
    state = {f'backbone.{name}': value for name, value in encoder.state_dict().items()}
    saved = Config(dict(model=dict(backbone=backbone))).pretty_text
    out.parent.mkdir(parents=True, exist_ok=True)
    torch.save(dict(state_dict=state, meta=dict(cfg=saved)), out)


def table(results: Collection[dict]) -> str:
    """Format a Markdown table with a row per protocol and metric, and a column per checkpoint.

    Cells contain the mean over seeds and half of the range. Rows of accuracies contain the share of
    the most frequent class and the largest binomial standard error of the cells, in percent."""
    checkpoints = sorted(dict.fromkeys(result['checkpoint'] for result in results),
                         key=lambda name: name != 'untrained')
    rows = []
    for protocol in dict.fromkeys(result['protocol'] for result in results):
        runs = [result for result in results if result['protocol'] == protocol]
        seeds = sorted({run['seed'] for run in runs})
        samples, chance = runs[0].get('samples'), runs[0].get('chance')
        for metric in main_metrics(runs):
            values = [[run['metrics'][metric] for run in runs
                       if run['checkpoint'] == name and metric in run['metrics']]
                      for name in checkpoints]
            about = [str(samples or '-'), '-', '-']
            if chance is not None and is_accuracy(metric):
                # 100 % can exceed 100 by rounding.
                error = max((mean(found) * max(0, 100 - mean(found)) / samples)**.5
                            for found in values if found)
                about[1:] = f'{chance:.2f}', f'{error:.2f}'
            rows.append([f'`{protocol}`', metric, ', '.join(map(str, seeds)), *about,
                         *(mean_and_spread(found, 2) for found in values)])
    return markdown_table(['protocol', 'metric', 'seeds', 'test samples', 'chance',
                           'standard error', *checkpoints], rows)


def planned_runs(args: argparse.Namespace) -> list[Run]:
    """Combine every checkpoint with every protocol."""
    protocols = [Protocol(name, config, args)
                 for name, config in named_paths('--protocols', args.protocols).items()]
    if unread := args.cfg_options.keys() - {key for p in protocols for key in p.options}:
        raise ConfigError(f'--cfg-options {sorted(unread)[0]}: no protocol has this field. Correct '
                          'or remove it.')
    if (args.occlusion or args.shuffle) and not any(p.perturbations for p in protocols):
        raise ConfigError('--occlusion, --shuffle: need a trained classifier. Add a config that '
                          'trains one to --protocols, or run tools/analysis_tools/robustness.py.')
    checkpoints = named_checkpoints(args.checkpoints)
    lock_folder('--out', args.out)
    if args.untrained:
        named_paths('--untrained', ['untrained=', *(f'{name}=' for name in checkpoints)])
        untrained = args.out / 'untrained.pth'
        save_untrained(next(iter(checkpoints.values())), untrained)
        checkpoints = dict(untrained=untrained) | checkpoints
    runs = [Run(name, path, sha256, protocol, seed, args)
            for name, path in checkpoints.items()
            for sha256 in [file_hash(path)] for protocol in protocols
            for seed in (args.seeds if protocol.trains else [0])]
    _check_folders(runs)
    return runs


def _check_folders(runs: Collection[Run]) -> None:
    """Check that every run has a folder of its own inside of ``--out``."""
    owners = {}
    for run in runs:
        name, protocol, _ = run.key
        for part in (name, protocol):
            if {'', '.', '..'} & {*part.split('/')}:
                raise ConfigError(f'NAME={part!r}: is not a path of a folder inside of --out. Put '
                                  'another NAME= in front of the path.')
        if owners.setdefault(run.folder, run) is not run:
            raise ConfigError(f"NAME={name!r}: the folder '{run.folder}' is that of "
                              f'{owners[run.folder].key[0]!r}. Put another NAME= in front of the '
                              'path.')


@exit_on_config_error
def main() -> None:
    args = parse_args()
    runs = planned_runs(args)
    record = args.out / 'evaluation.json'
    done = read_json(record) if record.is_file() else []
    results = {(result['checkpoint'], result['protocol'], result['seed']): result
               for result in done}
    for run in runs:
        run.check(results)
    left = [run for run in runs if not run.is_in(results)]
    print(f'{len(left)} of {len(runs)} runs are left', flush=True)
    try:
        for result in run_all(left, args.jobs):
            results[result['checkpoint'], result['protocol'], result['seed']] = result
            write_json(record, list(results.values()))
            (args.out / 'evaluation.md').write_text(table(results.values()) + '\n')
            shown = ', '.join(f'{metric} {result["metrics"][metric]:.2f}'
                              for metric in main_metrics([result]))
            print(f'{result["checkpoint"]}, {result["protocol"]}, seed {result["seed"]}: {shown}',
                  flush=True)
    finally:
        if results:
            print(f'\n{table(results.values())}\n\n{args.out}: evaluation.md, evaluation.json')


if __name__ == '__main__':
    main()
