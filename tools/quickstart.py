"""Pretrain a small ViT with ccMIM and with MAE, draw what the first sees, and probe both beside
the untrained encoder.

    bash tools/quickstart.sh [IMAGE_FOLDER]

Without IMAGE_FOLDER the images are those of sample_images.py: MNIST digits, which
the evaluation classifies, and crops of photographs, which the figures show. IMAGE_FOLDER may hold
train/ and val/; otherwise a fifth of each class is kept for validation. At most 5,000 of its images
are used. Nothing is written into it.
"""
import argparse
import io
import json
import math
import os
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stdout
from multiprocessing import get_context
from pathlib import Path
from statistics import mean

# Before any other import. On tiny tensors a second thread gains little; a second process does half
# of the work.
os.environ.setdefault('OMP_NUM_THREADS', '1')

if __name__ == '__main__':
    print('loading the libraries ...', flush=True)

from mmguided.utils.toolboxes import import_toolboxes  # noqa: E402

import_toolboxes('mmpretrain')  # before others import it and print about it

from mmengine.config import Config  # noqa: E402
from mmengine.hooks import Hook  # noqa: E402
from mmengine.runner import Runner, save_checkpoint  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.progress import (  # noqa: E402
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table  # noqa: E402
from sample_images import PreparedImages, prepare_images  # noqa: E402

from mmguided.structures import len_keep  # noqa: E402
from mmguided.utils.errors import ConfigError, exit_on_config_error  # noqa: E402
from mmguided.utils.logs import read_curves, read_log, shared_losses  # noqa: E402
from mmguided.utils.modules import unwrap_ddp  # noqa: E402
from mmguided.visualization import draw_loss_curves  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = ROOT / 'configs/quickstart'
UNTRAINED = 'untrained.pth'
IMAGES_PER_EPOCH = 6000  # smaller folders are repeated, so that every run has about as many steps
NEIGHBORS = 10


class ProgressHook(Hook):
    """A progress bar over the steps of a run; where the output is no terminal, a line now and then.

    Args:
        what: What the run does.
    """

    def __init__(self, what: str) -> None:
        self.what = what

    def before_train(self, runner) -> None:
        self._console = Console()
        self._bar = Progress(
            TextColumn(self.what), BarColumn(), MofNCompleteColumn(),
            TextColumn('steps, loss {task.fields[loss]:.3f}'), TimeRemainingColumn(),
            console=self._console, disable=not self._console.is_terminal)
        self._task = self._bar.add_task('', total=runner.max_iters, loss=math.nan)
        self._bar.start()

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        step, steps, loss = runner.iter + 1, runner.max_iters, float(outputs['loss'])
        self._bar.update(self._task, advance=1, loss=loss)
        if not self._console.is_terminal and (step % math.ceil(steps / 10) == 0 or step == steps):
            self._console.print(f'{self.what}: step {step} of {steps}, loss {loss:.3f}')

    def after_train(self, runner) -> None:
        self._bar.stop()


class SaveUntrainedHook(Hook):
    """Saves the model as it is before the first step.

    Args:
        saved: Called when that is done.
    """

    def __init__(self, saved: Callable[[], None]) -> None:
        self.saved = saved

    def before_train(self, runner) -> None:
        save_checkpoint(dict(state_dict=runner.model.state_dict()),
                        str(Path(runner.work_dir) / UNTRAINED))
        self.saved()


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='ccMIM and MAE in minutes')
    parser.add_argument('folder', nargs='?', metavar='IMAGE_FOLDER', help='images to train on')
    parser.add_argument('--work-dir', default=ROOT / 'work_dirs/quickstart', type=Path)
    parser.add_argument('--epochs', type=int, help='instead of those of the config')
    parser.add_argument('--max-images', type=int, help='use at most about so many images')
    args = parser.parse_args()
    for name in ('epochs', 'max_images'):
        if (value := getattr(args, name)) is not None and value < 1:
            raise ConfigError(f'--{name.replace("_", "-")}={value}: give a positive number')
    return args


def make_config(name: str, args: argparse.Namespace, images: PreparedImages) -> Config:
    """The config of a run, for these images."""
    cfg = Config.fromfile(CONFIGS / f'{name}_vit-micro.py')
    cfg.work_dir = str(args.work_dir)
    epochs = args.epochs or cfg.max_epochs
    cfg.train_cfg.max_epochs = cfg.param_scheduler[1].T_max = epochs
    if 'schedule' in cfg.model.mask_generator:
        cfg.model.mask_generator.schedule.ramp = epochs
    cfg.default_hooks.checkpoint.interval = epochs
    dataset = cfg.train_dataloader.dataset
    dataset.data_root = images.root
    wanted = min(IMAGES_PER_EPOCH, args.max_images or IMAGES_PER_EPOCH)
    times = max(1, round(wanted / images.num_train),
                math.ceil(cfg.train_dataloader.batch_size / images.num_train))
    cfg.train_dataloader.dataset = dict(type='RepeatDataset', dataset=dataset, times=times)
    for hook in cfg.custom_hooks:
        if hook.type == 'mmguided.FigureSheetHook':
            hook.dataset.update(data_root=images.root, data_prefix=images.figures)
    return cfg


def quiet_runner(cfg: Config) -> Runner:
    """A Runner whose log goes to its file alone."""
    # MMEngine's logger keeps the stream that it was born with, and so stays off the terminal.
    with redirect_stdout(io.StringIO()):
        return Runner.from_cfg(cfg)


def common_classes(root: Path, labeled: str) -> list[str]:
    """Classes with training and validation images, in alphabetical order."""
    train, val = ({path.parent.name for path in (root / split / labeled).glob('*/*')}
                  for split in ('train', 'val'))
    return sorted(train & val)


def k_nearest_neighbors(what: str, checkpoint: Path, images: PreparedImages) -> float:
    """k-NN accuracy of an encoder in per cent, by the config that ships for it."""
    train, val = labeled_data(images)
    k = min(NEIGHBORS, num_labeled(images))
    cfg = Config.fromfile(CONFIGS / 'ccmim_vit-micro_knn.py')
    cfg.merge_from_dict(dict(
        work_dir=str(checkpoint.parent / 'evaluation' / what / 'knn'), load_from=str(checkpoint),
        model=dict(ks=(k, ), bank_dataloader=dict(dataset=train)),
        test_dataloader=dict(dataset=val)))
    with redirect_stdout(io.StringIO()):
        return Runner.from_cfg(cfg).test()[f'knn/top1_k{k}']


def linear_probe(what: str, checkpoint: Path, images: PreparedImages, progress: bool) -> float:
    """Accuracy of a linear probe in per cent, by the config that ships for it."""
    train, val = labeled_data(images)
    cfg = Config.fromfile(CONFIGS / 'ccmim_vit-micro_linear.py')
    cfg.merge_from_dict(dict(
        work_dir=str(checkpoint.parent / 'evaluation' / what / 'linear'),
        model=dict(
            backbone=dict(init_cfg=dict(checkpoint=str(checkpoint))),
            head=dict(num_classes=len(train['classes']))),
        train_dataloader=dict(
            dataset=train, batch_size=min(cfg.train_dataloader.batch_size, num_labeled(images))),
        val_dataloader=dict(dataset=val), test_dataloader=dict(dataset=val)))
    runner = quiet_runner(cfg)
    if progress:
        runner.register_hook(ProgressHook(f'linear probe of the {what} encoder'))
    runner.train()
    return runner.test()['accuracy/top1']


def labeled_data(images: PreparedImages) -> tuple[dict, dict]:
    """Fields of the labeled data sets for training and validation."""
    root = Path(images.root)
    classes = common_classes(root, images.labeled)
    return tuple(dict(data_root=str(root), data_prefix=f'{split}/{images.labeled}', classes=classes)
                 for split in ('train', 'val'))


def num_labeled(images: PreparedImages) -> int:
    """Number of labeled training images."""
    return len(list((Path(images.root) / 'train' / images.labeled).glob('*/*')))


def evaluate(what: str, checkpoint: Path, images: PreparedImages,
             progress: bool = False) -> dict[str, float]:
    """Accuracies of an encoder in per cent."""
    return dict(knn=k_nearest_neighbors(what, checkpoint, images),
                linear=linear_probe(what, checkpoint, images, progress))


def pretrain_mae(cfg: Config, initial: Path, images: PreparedImages) -> dict[str, float]:
    """Pretrain with MAE from the weights at ``initial``; accuracies of the encoder."""
    cfg.model.backbone.init_cfg = dict(
        type='Pretrained', checkpoint=str(initial), prefix='backbone.')
    cfg.work_dir = str(Path(cfg.work_dir) / 'mae')
    runner = quiet_runner(cfg)
    runner.train()
    return evaluate('mae', Path(cfg.work_dir) / f'epoch_{runner.max_epochs}.pth', images)


def pretrain_and_compare(args: argparse.Namespace,
                         images: PreparedImages) -> tuple[Runner, dict | None]:
    """Pretrain with ccMIM; meanwhile a second process evaluates the untrained encoder and pretrains
    it with MAE.

    Returns:
        The Runner of ccMIM, and the accuracies of the three encoders; None without two labeled
        classes.
    """
    runner = quiet_runner(make_config('ccmim', args, images))
    untrained, futures = args.work_dir / UNTRAINED, {}
    # A new interpreter, not a fork: a process that has used a GPU cannot be forked.
    with ProcessPoolExecutor(
            1, mp_context=get_context('spawn'), initializer=warnings.filterwarnings,
            initargs=('ignore', )) as second:

        def start_second() -> None:
            if images.labeled is not None:
                futures['untrained'] = second.submit(evaluate, 'untrained', untrained, images)
                futures['mae'] = second.submit(
                    pretrain_mae, make_config('mae', args, images), untrained, images)

        runner.register_hook(SaveUntrainedHook(start_second))
        runner.register_hook(ProgressHook('pretraining'))
        runner.train()
        if images.labeled is None:
            return runner, None
        checkpoint = args.work_dir / f'epoch_{runner.max_epochs}.pth'
        trained = evaluate('ccmim', checkpoint, images, progress=True)
        return runner, {name: future.result() for name, future in futures.items()} | dict(
            ccmim=trained)


def guidance(runner: Runner) -> dict[str, float] | None:
    """How far the masks of the last epoch are from random ones, see ``MaskGenerator``; None if none
    was guided in it, for a run of a few steps."""
    overlaps = [row['topk_overlap'] for row in read_log(runner.work_dir)
                if row['epoch'] == runner.max_epochs and 'topk_overlap' in row]
    if not overlaps:
        return None
    num = math.prod(unwrap_ddp(runner.model).backbone.patch_resolution)
    keep = len_keep(num, runner.cfg.model.mask_generator.mask_ratio)
    return dict(topk_overlap=mean(overlaps), by_chance=1 - keep / num)


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
                              ('pretrained with MAE', 'mae'),
                              ('pretrained with ccMIM', 'ccmim')):
            table.add_row(name, *_percent(results['accuracy'][encoder]))
        console.print(table)
        console.print('Top-1 on the validation images; features: mean of the patch tokens.')
    if masks := results['masks']:
        console.print('Of the patches that ccMIM masks in the last epoch, '
                      f'{masks["topk_overlap"]:.0%} are those of the highest attention; by chance '
                      f'it would be {masks["by_chance"]:.0%}.', highlight=False)
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
    runner, accuracy = pretrain_and_compare(args, images)
    runs = {'ccMIM': read_curves(args.work_dir)}
    draw_loss_curves(runs, shared_losses(runs), [args.work_dir / 'loss_curves.png'])
    results = dict(
        images=images.what,
        broken=images.num_broken,
        seed=runner.seed,
        masks=guidance(runner),
        accuracy=accuracy)
    (args.work_dir / 'results.json').write_text(json.dumps(results, indent=1))
    report(console, runner, images, results)
    console.print(f'{time.time() - start:.0f} seconds in all', highlight=False)


if __name__ == '__main__':
    main()
