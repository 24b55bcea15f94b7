r"""Evaluate checkpoints with one or more benchmark configs (protocols).

    python tools/evaluate.py mae=CHECKPOINT ccmim=CHECKPOINT --data-root data/imagenet --gpus 8 \
        --protocols configs/benchmarks/imagenet/vit-b_{knn,linear-90e,finetune-100e}.py

Protocols with training start from the checkpoint's encoder, and the trained model is tested. With
any other protocol, the checkpoint itself is tested. --occlusion and --shuffle also test every
trained classifier on occluded and shuffled images (analysis_tools/robustness.py).

The folder --out contains a folder per run with its logs and trained checkpoints; evaluation.json
with all metrics; and evaluation.md, a table of protocols and metrics by checkpoint. Finished runs
are skipped and interrupted runs resume, so more checkpoints, protocols or seeds can be added later.
"""
import argparse
import fnmatch
import hashlib
import json
import re
import sys
from collections.abc import Collection
from pathlib import Path

from tool_runs import markdown_table, mean_and_spread, options_of, run_all, run_logged

from mmguided.cli.arguments import (
    add_shared,
    load_config,
    named_checkpoints,
    named_paths,
    tool_parser,
)
from mmguided.utils.configs import pretrained_settings
from mmguided.utils.errors import ConfigError, exit_on_config_error

TOOLS = Path(__file__).resolve().parent
#: Metrics in the table. For a protocol with none of these metrics, the table shows all metrics.
MAIN_METRICS = ('accuracy/top1', 'knn/top1_*', 'coco/*_mAP', 'mIoU', 'davis/J&F-Mean',
                'occlusion *', 'shuffle *')


def parse_args() -> argparse.Namespace:
    parser = tool_parser(__doc__, 'checkpoints', '--data-root', '--cfg-options')
    parser.add_argument('--protocols', nargs='+', required=True, metavar='[NAME=]CONFIG')
    add_shared(parser, '--seeds', help='seeds of protocols with training; other protocols run once')
    parser.add_argument('--occlusion', nargs='+', type=float, default=[], metavar='RATIO',
                        help='shares of the patches to hide')
    parser.add_argument('--shuffle', nargs='+', type=int, default=[], metavar='GRID',
                        help='GRID x GRID cells per image to shuffle')
    parser.add_argument('--gpus', type=int, default=1, metavar='N', help='processes of each run')
    parser.add_argument('--jobs', type=int, default=1, metavar='N', help='parallel runs')
    add_shared(parser, '--out', default=Path('work_dirs/evaluation'), metavar='FOLDER')
    return parser.parse_args()


class Protocol:
    """Benchmark config.

    Raises:
        ConfigError: If the config has no test data, or would train without the checkpoint.
    """

    def __init__(self, name: str, config: str, args: argparse.Namespace) -> None:
        self.name, self.config = name, config
        cfg = load_config(config)
        self.options = options_of(cfg, args.cfg_options)
        if self.options:
            load_config(config, self.options)  # checks the options
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
        conditions: All other settings on which the metrics depend.
    """

    def __init__(self, name: str, checkpoint: Path, sha256: str, protocol: Protocol, seed: int,
                 args: argparse.Namespace) -> None:
        self.checkpoint, self.protocol, self.args = checkpoint, protocol, args
        self.key = (name, protocol.name, seed)
        self.conditions = dict(
            sha256=sha256, data_root=args.data_root,
            options={key: repr(value) for key, value in sorted(protocol.options.items())})
        self.folder = args.out / re.sub(r'[^\w.-]+', '_', name) / protocol.name / f'seed_{seed}'

    def __call__(self) -> dict:
        """Run the remaining steps; return key, conditions and metrics."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / 'conditions.json').write_text(json.dumps(self.conditions))
        tested = self._trained() if self.protocol.trains else self.checkpoint
        metrics = self._metrics(tested)
        if self.protocol.perturbations:
            metrics |= self._perturbed(tested)
        return dict(zip(('checkpoint', 'protocol', 'seed'), self.key, strict=True),
                    **self.conditions, metrics=metrics)

    def is_in(self, results: dict) -> bool:
        """Return True if the results contain all metrics of the run."""
        result = results.get(self.key)
        return bool(result) and self.protocol.perturbations <= result['metrics'].keys()

    def check_conditions(self, results: dict) -> None:
        """Raise ConfigError if the run was started with another checkpoint, other data or options.
        """
        begun = self.folder / 'conditions.json'
        before = results.get(self.key) or (
            json.loads(begun.read_text()) if begun.is_file() else self.conditions)
        for name, value in self.conditions.items():
            if before[name] != value:
                raise ConfigError(
                    f'--out={str(self.args.out)!r}: {self} was run with {name}={before[name]!r}, '
                    f'but this command has {value!r}. Set another --out or NAME=.')

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
        return json.loads(out.read_text())

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
        rows, = json.loads((out / 'robustness.json').read_text())['results'].values()
        return {_perturbation(row['perturbation'], row['level']): row['top1'] for row in rows}

    def _logged(self, log: str, *command, options: dict | None = None) -> None:
        options = self.protocol.options | {'randomness.seed': self.key[2]} | (options or {})
        data = ('--data-root', self.args.data_root) if self.args.data_root else ()
        run_logged(str(self), self.folder / f'{log}.log', *command, *data, '--cfg-options',
                   *(f'{key}={value}' for key, value in options.items()),
                   threads=1 if self.args.jobs > 1 else None)


def _perturbation(name: str, level: float) -> str:
    return f'{name} {level:g}'


def _sha256(path: Path) -> str:
    with open(path, 'rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()


def table(results: Collection[dict]) -> str:
    """Format a Markdown table with a row per protocol and metric, and a column per checkpoint.

    Cells contain the mean over seeds and half of the range."""
    checkpoints = list(dict.fromkeys(result['checkpoint'] for result in results))
    rows = []
    for protocol in dict.fromkeys(result['protocol'] for result in results):
        runs = [result for result in results if result['protocol'] == protocol]
        seeds = sorted({run['seed'] for run in runs})
        for metric in _shown(runs):
            cells = [mean_and_spread([run['metrics'][metric] for run in runs
                                      if run['checkpoint'] == name and metric in run['metrics']], 2)
                     for name in checkpoints]
            rows.append([f'`{protocol}`', metric, ', '.join(map(str, seeds)), *cells])
    return markdown_table(['protocol', 'metric', 'seeds', *checkpoints], rows)


def _shown(runs: Collection[dict]) -> list[str]:
    metrics = list(dict.fromkeys(metric for run in runs for metric in run['metrics']))
    return [metric for metric in metrics
            if any(fnmatch.fnmatch(metric, pattern) for pattern in MAIN_METRICS)] or metrics


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
    return [Run(name, path, sha256, protocol, seed, args)
            for name, path in named_checkpoints(args.checkpoints).items()
            for sha256 in [_sha256(path)] for protocol in protocols
            for seed in (args.seeds if protocol.trains else [0])]


@exit_on_config_error
def main() -> None:
    args = parse_args()
    runs = planned_runs(args)
    record = args.out / 'evaluation.json'
    done = json.loads(record.read_text()) if record.is_file() else []
    results = {(result['checkpoint'], result['protocol'], result['seed']): result
               for result in done}
    for run in runs:
        run.check_conditions(results)
    left = [run for run in runs if not run.is_in(results)]
    args.out.mkdir(parents=True, exist_ok=True)
    print(f'{len(left)} of {len(runs)} runs are left', flush=True)
    try:
        for result in run_all(left, args.jobs):
            results[result['checkpoint'], result['protocol'], result['seed']] = result
            record.write_text(json.dumps(list(results.values()), indent=1))
            (args.out / 'evaluation.md').write_text(table(results.values()) + '\n')
            shown = ', '.join(f'{metric} {result["metrics"][metric]:.2f}'
                              for metric in _shown([result]))
            print(f'{result["checkpoint"]}, {result["protocol"]}, seed {result["seed"]}: {shown}',
                  flush=True)
    finally:
        if results:
            print(f'\n{table(results.values())}\n\n{args.out}: evaluation.md, evaluation.json')


if __name__ == '__main__':
    main()
