"""Pretrain a small ViT with ccMIM, draw what it sees, and probe it beside the untrained encoder.

    bash tools/quickstart.sh [IMAGE_FOLDER]

Without IMAGE_FOLDER the images are those of sample_images.py: MNIST digits, which
the probes classify, and crops of photographs, which the figures show. IMAGE_FOLDER may hold
train/ and val/; otherwise a fifth of each class is kept for validation. At most 5,000 of its images
are used. Nothing is written into it.
"""
import argparse
import copy
import io
import json
import math
import os
import time
import warnings
from contextlib import redirect_stdout
from pathlib import Path

# Before any other import: on tiny tensors more threads than cores, or spinning ones, only hinder.
os.environ.setdefault('OMP_NUM_THREADS', str(min(2, os.cpu_count() or 1)))
os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')

if __name__ == '__main__':
    print('loading the libraries ...', flush=True)

import numpy as np  # noqa: E402
import torch  # noqa: E402
from mmengine.config import Config  # noqa: E402
from mmengine.dataset import pseudo_collate  # noqa: E402
from mmengine.hooks import Hook  # noqa: E402
from mmengine.runner import Runner  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.progress import (  # noqa: E402
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    track,
)
from rich.table import Table  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402

from sample_images import PreparedImages, prepare_images  # noqa: E402
from mmguided.evaluation import knn_scores  # noqa: E402
from mmguided.registry import DATASETS  # noqa: E402
from mmguided.utils.errors import ConfigError, exit_on_config_error  # noqa: E402
from mmguided.visualization import draw_loss_curves  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / 'configs/quickstart/ccmim_vit-micro.py'
IMAGES_PER_EPOCH = 6000  # smaller folders are repeated, so that every run has about as many steps
NEIGHBORS = 10


class QuickstartHook(Hook):
    """A progress bar, and a copy of the encoder as it was before the first step."""

    def before_train(self, runner) -> None:
        self.untrained = copy.deepcopy(runner.model.backbone)
        self._bar = Progress(
            TextColumn('pretraining'), BarColumn(), MofNCompleteColumn(),
            TextColumn('steps, loss {task.fields[loss]:.3f}'), TimeRemainingColumn())
        self._task = self._bar.add_task('', total=runner.max_iters, loss=math.nan)
        self._bar.start()

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        self._bar.update(self._task, advance=1, loss=float(outputs['loss']))

    def after_train(self, runner) -> None:
        self._bar.stop()


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='ccMIM in minutes')
    parser.add_argument('folder', nargs='?', metavar='IMAGE_FOLDER', help='images to train on')
    parser.add_argument('--work-dir', default=ROOT / 'work_dirs/quickstart', type=Path)
    parser.add_argument('--epochs', type=int, help='instead of those of the config')
    parser.add_argument('--max-images', type=int, help='use at most about so many images')
    args = parser.parse_args()
    for name in ('epochs', 'max_images'):
        if (value := getattr(args, name)) is not None and value < 1:
            raise ConfigError(f'--{name.replace("_", "-")}={value}: give a positive number')
    return args


def make_config(args: argparse.Namespace, images: PreparedImages) -> Config:
    """The config of the run, for these images."""
    cfg = Config.fromfile(CONFIG)
    cfg.work_dir = str(args.work_dir)
    epochs = args.epochs or cfg.max_epochs
    cfg.train_cfg.max_epochs = cfg.param_scheduler[1].T_max = epochs
    cfg.default_hooks.checkpoint.interval = epochs
    dataset = cfg.train_dataloader.dataset
    dataset.data_root = images.root
    wanted = min(IMAGES_PER_EPOCH, args.max_images or IMAGES_PER_EPOCH)
    times = max(1, round(wanted / images.num_train),
                math.ceil(cfg.train_dataloader.batch_size / images.num_train))
    cfg.train_dataloader.dataset = dict(type='RepeatDataset', dataset=dataset, times=times)
    figures = next(hook for hook in cfg.custom_hooks if hook.type == 'mmguided.FigureSheetHook')
    figures.dataset.update(data_root=images.root, data_prefix=images.figures)
    return cfg


def pretrain(cfg: Config) -> tuple[Runner, QuickstartHook]:
    """Train on the Runner, whose log goes to its file alone."""
    # MMEngine's logger keeps the stream that it was born with, and so stays off the terminal.
    with redirect_stdout(io.StringIO()):
        runner = Runner.from_cfg(cfg)
    hook = QuickstartHook()
    runner.register_hook(hook)
    runner.train()
    return runner, hook


@torch.no_grad()
def extract(model, encoder, dataset: dict, what: str) -> tuple[torch.Tensor, np.ndarray]:
    """Mean patch tokens ``(N, D)``, as ccMIM probes them, and class names ``(N, )``."""
    dataset = DATASETS.build(dataset)
    encoder.eval()
    features, names = [], []
    for start in track(range(0, len(dataset), 100), description=what):
        rows = [dataset[i] for i in range(start, min(start + 100, len(dataset)))]
        batch = pseudo_collate(rows)
        batch['inputs'] = torch.stack(batch['inputs'])
        tokens, = encoder(model.data_preprocessor(batch)['inputs'])
        features.append(tokens[:, 1:].mean(1).cpu())
        names += [dataset.CLASSES[row['data_samples'].gt_label.item()] for row in rows]
    return torch.cat(features), np.array(names)


def probe(model, encoder, dataset: dict, images: PreparedImages, what: str) -> dict[str, float]:
    """k-NN and linear accuracy in per cent, from the training to the validation images."""
    (bank, bank_names), (query, names) = (
        extract(model, encoder,
                dict(dataset, data_prefix=f'{split}/{images.labeled}', with_label=True),
                f'features of the {what} encoder, {split}') for split in ('train', 'val'))
    classes, labels = np.unique(bank_names, return_inverse=True)
    k = min(NEIGHBORS, len(bank))
    votes = knn_scores(query, bank, torch.from_numpy(labels), len(classes), ks=(k, ))[k]
    with Console().status('linear probe'):
        linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        linear.fit(bank.numpy(), bank_names)
    return dict(
        knn=100 * float(np.mean(classes[votes.argmax(1).numpy()] == names)),
        linear=100 * linear.score(query.numpy(), names))


def compare(runner: Runner, untrained, images: PreparedImages) -> dict | None:
    """Accuracies of the untrained and the trained encoder; None without two labeled classes."""
    if images.labeled is None:
        return None
    figures = next(hook for hook in runner.cfg.custom_hooks
                   if hook.type == 'mmguided.FigureSheetHook')
    dataset = dict(figures.dataset, data_root=images.root)
    return {what: probe(runner.model, encoder, dataset, images, what)
            for what, encoder in (('untrained', untrained), ('trained', runner.model.backbone))}


def report(console: Console, runner: Runner, images: PreparedImages, results: dict) -> None:
    """Print the table and where everything lies."""
    console.print(f'\nImages: {images.what}', highlight=False)
    if images.num_broken:
        console.print(f'[yellow]{images.num_broken} unreadable images were left out')
    if results['accuracy'] is None:
        console.print('No accuracies: they need two or more sub-folders, one for each class.')
    else:
        table = Table('encoder', f'k-NN (k={NEIGHBORS})', 'linear probe')
        for name, encoder in (('untrained, same initial weights', 'untrained'),
                              ('pretrained with ccMIM', 'trained')):
            table.add_row(name, *_percent(results['accuracy'][encoder]))
        console.print(table)
        console.print('Top-1 on the validation images; features: mean of the patch tokens.')
    work_dir, epochs = Path(runner.work_dir), runner.max_epochs
    for what, path in (('checkpoint', work_dir / f'epoch_{epochs}.pth'),
                       ('figures', work_dir / 'figures/epoch_1.png'),
                       ('', work_dir / f'figures/epoch_{epochs}.png'),
                       ('loss curves', work_dir / 'loss_curves.png'),
                       ('log', Path(runner.log_dir) / f'{runner.timestamp}.log'),
                       ('numbers', work_dir / 'results.json')):
        console.print(f'{what:12}{os.path.relpath(path)}', highlight=False, soft_wrap=True)
    console.print('Next: configs/ccmim/ holds the real runs, for example '
                  'bash tools/dist_train.sh configs/ccmim/vit-b_800e.py 8', highlight=False,
                  soft_wrap=True)


def _percent(accuracy: dict[str, float]) -> tuple[str, str]:
    return f'{accuracy["knn"]:.1f} %', f'{accuracy["linear"]:.1f} %'


@exit_on_config_error
def main() -> None:
    start, console = time.time(), Console()
    args = parse_args()
    warnings.filterwarnings('ignore')  # of the libraries; what matters is in the log
    images = prepare_images(args.work_dir / 'data', args.folder, args.max_images)
    runner, hook = pretrain(make_config(args, images))
    draw_loss_curves(Path(runner.log_dir) / 'vis_data/scalars.json',
                     args.work_dir / 'loss_curves.png')
    results = dict(
        images=images.what,
        broken=images.num_broken,
        seed=runner.seed,
        accuracy=compare(runner, hook.untrained, images))
    (args.work_dir / 'results.json').write_text(json.dumps(results, indent=1))
    report(console, runner, images, results)
    console.print(f'{time.time() - start:.0f} seconds in all', highlight=False)


if __name__ == '__main__':
    main()
