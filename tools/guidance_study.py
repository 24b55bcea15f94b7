r"""Does guidance act, does it help? Trains each config with each seed, and tells what came out.

    python tools/guidance_study.py configs/ccmim/vit-micro_folder-32.py \
        configs/ccmim/guidance/*.py --data-root FOLDER --coco data/coco --seeds 0 1 --jobs 2

FOLDER/{train,val}/CLASS/* of small images trains and tests, such as CIFAR-10 written out as images.
For each run: pretraining, k-NN and linear probe of its encoder, and for a config with guidance how
much of its masks lies inside COCO's objects, before, during and after training. What is done
already is not done again, so that a study may go on after an interruption, with more configs or
with more seeds. Each of the --jobs runs on one core.

--out gets a folder for each run, study.json, and study.md, the table of the means over seeds.
"""
import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import mean

from mmguided.engine.command_line import OptionAction, load_config
from mmguided.utils.errors import ConfigError, exit_on_config_error

ROOT = Path(__file__).resolve().parents[1]
FOLDER = 'configs/benchmarks/folder'
#: Column of the table -> key of a run's result.
COLUMNS = {
    'top-k overlap': 'topk_overlap', 'reconstruction': 'loss_reconstruction',
    'contrast': 'loss_contrast', 'contrast accuracy': 'contrast_accuracy',
    'in objects, untrained': 'objects_untrained', 'in objects, trained': 'objects_trained',
    'k-NN, k = 20': 'knn', 'linear': 'linear'}


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
        self.folder = args.out / self.name / f'seed_{seed}'
        self.epochs = self.cfg.train_cfg.max_epochs

    def __call__(self) -> dict:
        """Do what is left to do; the result."""
        self.folder.mkdir(parents=True, exist_ok=True)
        checkpoint = self.folder / f'epoch_{self.epochs}.pth'
        if not checkpoint.is_file():
            self._tool('pretraining', 'train.py', self.path, '--resume', '--work-dir', self.folder,
                       *self._options())
        knn = self._once('knn', lambda log: self._tool(
            log, 'test.py', f'{FOLDER}/vit-micro_knn.py', checkpoint, '--data-root',
            self.args.data_root, '--work-dir', self.folder / log))
        linear = self._once('linear', lambda log: self._tool(
            log, 'train.py', f'{FOLDER}/vit-micro_linear.py', '--data-root', self.args.data_root,
            '--work-dir', self.folder / log, '--cfg-options',
            f'model.backbone.init_cfg.checkpoint={checkpoint}'))
        result = dict(config=self.path, seed=self.seed, knn=knn['knn/top1_k20'],
                      linear=linear['accuracy/top1'], **self._last_epoch())
        if self.args.coco and self.cfg.model.mask_generator.get('guidance'):
            names = {0: 'objects_untrained', self.epochs: 'objects_trained'}
            for epoch in (0, *self._saved_epochs()):
                table = self._objects(epoch)["the config's"]
                name = names.get(epoch, f'objects_epoch_{epoch}')
                result |= {name: table['lift'], f'{name}_overlap': table['overlap']}
        (self.folder / 'result.json').write_text(json.dumps(result, indent=2))
        return result

    def _options(self) -> list[str]:
        """Of the config, those that it has; for guidance by the teacher, say."""
        options = {
            'train_dataloader.dataset.data_root': self.args.data_root / 'train',
            'randomness.seed': self.seed,
            **{key: value for key, value in self.args.cfg_options.items()
               if key.rpartition('.')[0] in _fields(self.cfg)}}
        return ['--cfg-options', *(f'{key}={value}' for key, value in options.items())]

    def _saved_epochs(self) -> list[int]:
        return sorted(int(path.stem.removeprefix('epoch_'))
                      for path in self.folder.glob('epoch_*.pth'))

    def _objects(self, epoch: int) -> dict:
        out = self.folder / f'objects_epoch_{epoch}'
        result = out / 'mask_objects.json'
        if not result.is_file():
            coco, options = self.args.coco, self._options()
            self._tool(
                out.name, 'analysis_tools/mask_objects.py', self.path,
                *(['--checkpoint', self.folder / f'epoch_{epoch}.pth'] if epoch else []),
                '--annotations', coco / 'annotations/instances_train2017.json',
                '--images', coco / 'train2017', '--out', out, '--seed', self.seed,
                '--progress', epoch / self.epochs, *options)
        return json.loads(result.read_text())

    def _once(self, name: str, run) -> dict:
        """The metrics that a tool has left in a folder of this name."""
        found = sorted((self.folder / name).glob('*/vis_data/scalars.json')) or sorted(
            (self.folder / name).glob('*/*.json'))
        rows = [row for path in found for row in _rows(path) if any('top1' in key for key in row)]
        if rows:
            return rows[-1]
        if found:
            raise ConfigError(f'{self.folder / name}: {found[-1].name!r} has no accuracy; delete '
                              'the folder to evaluate again')
        run(name)
        return self._once(name, run)

    def _last_epoch(self) -> dict:
        """Means of the log over the last epoch."""
        rows = [row for path in sorted(self.folder.glob('*/vis_data/scalars.json'))
                for row in _rows(path) if row.get('epoch') == self.epochs]
        return {key: mean(row[key] for row in rows) for key in COLUMNS.values() if key in rows[-1]}

    def _tool(self, log: str, tool: str, *arguments) -> None:
        path = self.folder / f'{log}.log'
        with open(path, 'w') as file:
            done = subprocess.run(
                [sys.executable, ROOT / 'tools' / tool, *map(str, arguments)], stdout=file,
                stderr=subprocess.STDOUT, env=os.environ | dict(OMP_NUM_THREADS='1'))
        if done.returncode:
            raise ConfigError(f'{self.path}, seed {self.seed}: {tool} stopped, see {path}')


def _fields(cfg, name: str = '') -> set[str]:
    """Dotted names of all dicts in a config."""
    found = {name}
    for key, value in cfg.items():
        if isinstance(value, dict):
            found |= _fields(value, f'{name}.{key}'.strip('.'))
    return found


def _rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines() if line.startswith('{')]


def table(results: list[dict]) -> str:
    """Markdown, a row for each config: means over seeds, and half of the range if there are two or
    more."""
    lines = ['| config | seeds | ' + ' | '.join(COLUMNS) + ' |', '|---' * (2 + len(COLUMNS)) + '|']
    for name in dict.fromkeys(result['config'] for result in results):
        runs = [result for result in results if result['config'] == name]
        cells = []
        for key in COLUMNS.values():
            values = [run[key] for run in runs if key in run]
            digits = 1 if key in ('knn', 'linear') else 2
            spread = f' ± {(max(values) - min(values)) / 2:.{digits}f}' if len(values) > 1 else ''
            cells.append(f'{mean(values):.{digits}f}{spread}' if values else '-')
        seeds = ', '.join(str(run['seed']) for run in runs)
        lines.append(f'| `{Path(name).stem}` | {seeds} | ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines)


@exit_on_config_error
def main() -> None:
    args = parse_args()
    runs = [Run(path, seed, args) for seed in args.seeds for path in args.configs]
    results = []
    with ThreadPoolExecutor(args.jobs) as pool:
        for run, result in zip(runs, pool.map(lambda run: run(), runs), strict=True):
            results.append(result)
            print(f'{run.name}, seed {run.seed}: k-NN {result["knn"]:.1f}, linear '
                  f'{result["linear"]:.1f}', flush=True)
            (args.out / 'study.json').write_text(json.dumps(results, indent=2))
            (args.out / 'study.md').write_text(table(results) + '\n')
    print(f'\n{table(results)}\n\n{args.out}: study.md, study.json')


if __name__ == '__main__':
    main()
