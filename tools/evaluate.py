r"""Every number of one or more checkpoints by one command, which runs benchmark configs on them.

    python tools/evaluate.py mae=CHECKPOINT ccmim=CHECKPOINT --data-root data/imagenet --gpus 8 \
        --protocols configs/benchmarks/imagenet/vit-b_{knn,linear-90e,finetune-100e}.py

A protocol is a config: one that trains begins with the checkpoint's encoder, and is then tested
with what it has trained; one that does not train is tested with the checkpoint. With --occlusion
and --shuffle every classifier that a protocol trains is tested on occluded and shuffled images too
(analysis_tools/robustness.py). NAME= is what the table calls a checkpoint.

--out gets a folder for each run, with its logs and the checkpoints of protocols that train;
evaluation.json, all metrics of each run; and evaluation.md, a row for each protocol and metric, a
column for each checkpoint. What is done already is not done again, and training goes on where it
stopped, so that one may come back with more checkpoints, protocols or seeds.
"""
import argparse
import fnmatch
import hashlib
import json
import re
import sys
from collections.abc import Collection
from pathlib import Path

from tool_runs import mean_and_spread, options_of, run_all, run_logged

from mmguided.cli.arguments import OptionAction, load_config
from mmguided.cli.named_models import named_checkpoints
from mmguided.utils.configs import pretrained_settings
from mmguided.utils.errors import ConfigError, exit_on_config_error
from mmguided.utils.tables import markdown_table

TOOLS = Path(__file__).resolve().parent
#: What the table shows of a protocol; of one that has none of these, all of its metrics.
MAIN_METRICS = ('accuracy/top1', 'knn/top1_*', 'coco/*_mAP', 'mIoU', 'davis/J&F-Mean',
                'occlusion *', 'shuffle *')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('checkpoints', nargs='+', metavar='[NAME=]CHECKPOINT')
    parser.add_argument('--protocols', nargs='+', required=True, metavar='CONFIG')
    parser.add_argument('--data-root', metavar='FOLDER', help='in place of every `data_root`')
    parser.add_argument('--seeds', nargs='+', type=int, default=[0],
                        help='of protocols that train; the others run once')
    parser.add_argument('--occlusion', nargs='+', type=float, default=[], metavar='RATIO',
                        help='shares of the patches to hide')
    parser.add_argument('--shuffle', nargs='+', type=int, default=[], metavar='GRID',
                        help='images are cut into GRID x GRID parts')
    parser.add_argument('--gpus', type=int, default=1, metavar='N', help='processes of each run')
    parser.add_argument('--jobs', type=int, default=1, metavar='N', help='runs side by side')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/evaluation'))
    parser.add_argument('--cfg-options', nargs='+', action=OptionAction, metavar='KEY=VALUE',
                        default={}, help='override fields of every protocol that has them')
    return parser.parse_args()


class Protocol:
    """A config, and what it does with a checkpoint.

    Raises:
        ConfigError: If it does not test anything, or would train without the checkpoint.
    """

    def __init__(self, config: str, args: argparse.Namespace) -> None:
        self.config = config
        self.name = '/'.join(Path(config).resolve().with_suffix('').parts[-2:])
        cfg = load_config(config)
        self.options = options_of(cfg, args.cfg_options)
        if self.options:
            load_config(config, self.options)  # checks them
        if not cfg.get('test_dataloader'):
            raise ConfigError(f'--protocols {config}: it has no `test_dataloader`; give a config '
                              'of configs/benchmarks')
        self.trains = cfg.get('train_cfg') is not None
        if self.trains and pretrained_settings(cfg.model.backbone.get('init_cfg')) is None:
            raise ConfigError(f'--protocols {config}: model.backbone.init_cfg names no pretrained '
                              "encoder; set it to dict(type='Pretrained', checkpoint='', "
                              "prefix='backbone.')")
        is_classifier = self.trains and cfg.model.type.endswith('ImageClassifier')
        #: Names of the metrics on perturbed images.
        self.perturbations = {
            _perturbation(name, level) for name, levels in (
                ('occlusion', args.occlusion), ('shuffle', args.shuffle))
            for level in levels if is_classifier}


class Run:
    """A checkpoint under a protocol with one seed.

    Args:
        name: What to call the checkpoint.
        checkpoint: Its file.
        sha256: Hash of it.
        protocol: What to do with it.
        seed: Of the training.
        args: The command line.

    Attributes:
        key: Name of the checkpoint, name of the protocol, seed.
        conditions: What else its metrics depend on.
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
        """Do what is left to do; key, conditions and metrics."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / 'conditions.json').write_text(json.dumps(self.conditions))
        tested = self._trained() if self.protocol.trains else self.checkpoint
        metrics = self._metrics(tested)
        if self.protocol.perturbations:
            metrics |= self._perturbed(tested)
        return dict(zip(('checkpoint', 'protocol', 'seed'), self.key, strict=True),
                    **self.conditions, metrics=metrics)

    def is_in(self, results: dict) -> bool:
        """Whether all of its metrics are among the results."""
        result = results.get(self.key)
        return bool(result) and self.protocol.perturbations <= result['metrics'].keys()

    def check_conditions(self, results: dict) -> None:
        """Raise ConfigError if it was done, or begun, with another checkpoint, other data or other
        options."""
        begun = self.folder / 'conditions.json'
        before = results.get(self.key) or (
            json.loads(begun.read_text()) if begun.is_file() else self.conditions)
        for name, value in self.conditions.items():
            if before[name] != value:
                raise ConfigError(
                    f'--out={str(self.args.out)!r}: {self} was done with {name}={before[name]!r}, '
                    f'which is now {value!r}; give another --out, or another NAME=')

    def __str__(self) -> str:
        name, protocol, seed = self.key
        return f'{name}, {protocol}, seed {seed}'

    def _trained(self) -> Path:
        """The checkpoint that the protocol has trained."""
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
        """train.py or test.py with the protocol, in as many processes as asked."""
        gpus, script = self.args.gpus, f'{tool}.py'
        command = ([sys.executable, TOOLS / script] if gpus == 1 else
                   ['bash', TOOLS / 'dist_launch.sh', script, gpus])
        self._logged(tool, *command, self.protocol.config, *arguments, options=options)

    def _perturbed(self, checkpoint: Path) -> dict:
        """Accuracies on perturbed images."""
        out = self.folder / 'robustness'
        self._logged('robustness', sys.executable, TOOLS / 'analysis_tools/robustness.py',
                     self.protocol.config, checkpoint, '--out', out,
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
    """Markdown, a row for each protocol and metric, a column for each checkpoint: means over seeds
    and half of the range."""
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
    """Every checkpoint under every protocol."""
    protocols = [Protocol(config, args) for config in args.protocols]
    names = [protocol.name for protocol in protocols]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ConfigError(f'--protocols: {sorted(twice)[0]!r} is given more than once')
    if unread := args.cfg_options.keys() - {key for p in protocols for key in p.options}:
        raise ConfigError(f'--cfg-options {sorted(unread)[0]}: no protocol has such a field')
    if (args.occlusion or args.shuffle) and not any(p.perturbations for p in protocols):
        raise ConfigError('--occlusion and --shuffle test what a protocol has trained: add a '
                          'config that trains a classifier to --protocols, or run '
                          'tools/analysis_tools/robustness.py')
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
    print(f'{len(left)} of {len(runs)} runs are left to do', flush=True)
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
