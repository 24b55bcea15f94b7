r"""Does guidance act, does it help? Trains each config with each seed, and tells what came out.

    python tools/guidance_study.py configs/ccmim/guidance/*.py \
        --data-root FOLDER --coco data/coco --seeds 0 1 --jobs 2

FOLDER/{train,val}/CLASS/* of small images trains and tests, such as CIFAR-10 written out as images.
For each run: pretraining, k-NN and linear accuracy of its encoder (probe_features.py), and for a
config with guidance what its masks hide of COCO's objects and leave visible, before and after
training (analysis_tools/mask_objects.py). Each of the --jobs runs on one core.

--out gets a folder for each run, study.json with the numbers of all runs, study.md, the table of
the means over seeds, and study.png, the accuracies over how guided the masks are. What is done
already is not done again, so that a study may go on after an interruption, with more configs or
with more seeds; of finished runs study.json is enough. Other data or options need another --out.
"""
import argparse
import json
import sys
from collections.abc import Collection
from pathlib import Path
from statistics import mean

from tool_runs import mean_and_spread, options_of, run_all, run_logged

from mmguided.cli.arguments import OptionAction, load_config
from mmguided.utils.errors import ConfigError, exit_on_config_error, imports_of_extra
from mmguided.utils.logs import read_log
from mmguided.utils.tables import markdown_table

with imports_of_extra('analysis'):
    from mmguided.visualization import draw_scatter

ROOT = Path(__file__).resolve().parents[1]
MASK_RATIO = 0.75
KNN = 'configs/benchmarks/folder/vit-micro_knn.py'
#: Column of the table -> key of a run's result.
COLUMNS = {
    'top-k overlap': 'topk_overlap', 'reconstruction': 'loss_reconstruction',
    'contrast': 'loss_contrast', 'contrast accuracy': 'contrast_accuracy',
    'objects above chance, untrained': 'untrained_lift',
    'objects above chance, trained': 'trained_lift',
    'visible positions': 'trained_positions', 'visible detail': 'trained_detail',
    'k-NN, k = 20': 'knn_20', 'linear': 'linear'}


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('configs', nargs='+')
    parser.add_argument('--data-root', required=True, type=Path, metavar='FOLDER')
    parser.add_argument('--coco', type=Path, metavar='FOLDER',
                        help='with annotations/instances_train2017.json and train2017/')
    parser.add_argument('--seeds', nargs='+', type=int, default=[0, 1])
    parser.add_argument('--jobs', type=int, default=1, help='runs side by side')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/guidance_study'))
    parser.add_argument('--cfg-options', nargs='+', action=OptionAction, metavar='KEY=VALUE',
                        default={}, help='override fields of every config that has them')
    return parser.parse_args()


class Run:
    """One config with one seed, and what it leaves in its folder."""

    def __init__(self, path: str, seed: int, args: argparse.Namespace) -> None:
        self.path, self.seed, self.args = path, seed, args
        self.name = Path(path).stem
        self.cfg = load_config(path)
        self.options = options_of(self.cfg, args.cfg_options)
        self.cfg.merge_from_dict(self.options)
        self.is_guided = bool(self.cfg.model.mask_generator.get('guidance'))
        self.folder = args.out / self.name / f'seed_{seed}'
        self.epochs = self.cfg.train_cfg.max_epochs

    def __call__(self) -> dict:
        """Do what is left to do; the result."""
        self.folder.mkdir(parents=True, exist_ok=True)
        checkpoint = self.folder / f'epoch_{self.epochs}.pth'
        if not checkpoint.is_file():
            self._tool('pretraining', 'train.py', self.path, '--resume', '--work-dir', self.folder,
                       *self._options())
        result = dict(config=self.name, seed=self.seed, **self._last_epoch(),
                      **self._measured('features', 'probe_features.py', KNN, '--checkpoint',
                                       checkpoint, '--data-root', self.args.data_root))
        if self.args.coco and self.is_guided:
            for name, epoch in (('untrained', 0), ('trained', self.epochs)):
                row = self._objects(name, epoch)["the config's"]
                result |= {f'{name}_{key}': value for key, value in row.items()}
        return result

    def is_in(self, results: dict) -> bool:
        """Whether all of its numbers are among the results."""
        result = results.get((self.name, self.seed))
        return result is not None and (
            not (self.args.coco and self.is_guided) or 'trained_lift' in result)

    def _options(self) -> list[str]:
        """Data, seed, and of --cfg-options those that the config has, such as the teacher's."""
        options = {
            'train_dataloader.dataset.data_root': self.args.data_root / 'train',
            'randomness.seed': self.seed, **self.options}
        return ['--cfg-options', *(f'{key}={value}' for key, value in options.items())]

    def _objects(self, name: str, epoch: int) -> dict:
        coco, checkpoint = self.args.coco, self.folder / f'epoch_{epoch}.pth'
        return self._measured(
            f'objects_{name}', 'analysis_tools/mask_objects.py', self.path,
            *(['--checkpoint', checkpoint] if epoch else []),
            '--annotations', coco / 'annotations/instances_train2017.json',
            '--images', coco / 'train2017', '--seed', self.seed,
            '--progress', epoch / self.epochs, *self._options(),
            out=self.folder / f'objects_{name}', result='mask_objects.json')

    def _measured(self, name: str, tool: str, *arguments, out: Path | None = None,
                  result: str = '') -> dict:
        """What a tool has written to its --out, or to a file in it; it runs if there is none."""
        out = out or self.folder / f'{name}.json'
        if not (out / result).is_file():
            self._tool(name, tool, *arguments, '--out', out)
        return json.loads((out / result).read_text())

    def _last_epoch(self) -> dict:
        """Means of the log over the last epoch."""
        rows = [row for row in read_log(self.folder) if row['epoch'] == self.epochs]
        return {key: mean(row[key] for row in rows) for key in COLUMNS.values() if key in rows[-1]}

    def _tool(self, log: str, tool: str, *arguments) -> None:
        run_logged(f'{self.path}, seed {self.seed}', self.folder / f'{log}.log', sys.executable,
                   ROOT / 'tools' / tool, *arguments, threads=1)


def table(results: Collection[dict]) -> str:
    """Markdown, a row for each config: means over seeds, and half of the range if there are two or
    more."""
    results = sorted(results, key=lambda result: result['seed'])
    rows = []
    for name in dict.fromkeys(result['config'] for result in results):
        runs = [result for result in results if result['config'] == name]
        rows.append([f'`{name}`', ', '.join(str(run['seed']) for run in runs)] + [
            mean_and_spread([run[key] for run in runs if key in run],
                            1 if key in ('knn_20', 'linear') else 2)
            for key in COLUMNS.values()])
    return markdown_table(['config', 'seeds', *COLUMNS], rows)


def draw(results: Collection[dict], out: Path) -> None:
    """Accuracies over the overlap with top-k, which is that of chance for random masks."""
    panels = {}
    for label, key in (('k-NN accuracy, %', 'knn_20'), ('linear accuracy, %', 'linear')):
        panels[label] = {}
        for result in results:
            overlap = result.get('topk_overlap', MASK_RATIO)
            panels[label].setdefault(result['config'], []).append((overlap, result[key]))
    draw_scatter(panels, 'masked patches among those of the highest scores (.75 by chance)', out)


@exit_on_config_error
def main() -> None:
    args = parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    record = args.out / 'study.json'
    done = json.loads(record.read_text()) if record.is_file() else []
    results = {(result['config'], result['seed']): result for result in done}
    runs = [Run(path, seed, args) for seed in args.seeds for path in args.configs]
    names = [run.name for run in runs]
    if twice := {name for name in names if names.count(name) > len(args.seeds)}:
        raise ConfigError(f'configs={args.configs}: two are named {sorted(twice)}, and would share '
                          'a folder of --out; give another name to one of them')
    try:
        for result in run_all([run for run in runs if not run.is_in(results)], args.jobs):
            results[result['config'], result['seed']] = result
            print(f'{result["config"]}, seed {result["seed"]}: k-NN {result["knn_20"]:.1f}, linear '
                  f'{result["linear"]:.1f}', flush=True)
            record.write_text(json.dumps(list(results.values()), indent=1))
            (args.out / 'study.md').write_text(table(results.values()) + '\n')
            draw(results.values(), args.out / 'study.png')
    finally:
        print(f'\n{table(results.values())}\n\n{args.out}: study.md, study.png, study.json')


if __name__ == '__main__':
    main()
