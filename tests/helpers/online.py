"""Short runs of the micro configs on colors, for online-evaluation hooks."""
import itertools
import json
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.runner import Runner

from tests.helpers.configs import load

METHODS = ['ccmim', 'cmae', 'cmt_mae', 'conditional_mae', 'self_guided_mae', 'swin', 'convnext']
SWIN = dict(
    type='mmguided.MaskedSwin', arch=dict(embed_dims=8, depths=[1, 1], num_heads=[1, 2]),
    img_size=32, window_size=4, out_indices=(1, ))
CONVNEXT = dict(
    type='mmguided.MaskedConvNeXt', arch=dict(depths=[1, 1], channels=[8, 16]), img_size=32,
    out_indices=(1, ), use_grn=True, layer_scale_init_value=0.)
_NUMBERS = itertools.count()  # Runners need unique names


def config(method: str, colors: Path, work_dir: Path, hooks=(), epochs=2, **options) -> Config:
    """Micro config with a smaller encoder, on the ``train`` folder of ``colors`` in batches of 12;
    'swin' and 'convnext' are Conditional MAE with one shot on these encoders."""
    name = 'conditional_mae' if method in ('swin', 'convnext') else method
    cfg = load(f'{name}/vit-micro_folder-32')
    cfg.merge_from_dict({
        'model.backbone.patch_size': 8,
        'model.backbone.arch': dict(
            embed_dims=16, num_layers=2, num_heads=2, feedforward_channels=32),
        'model.neck': dict(embed_dims=16, depth=1, num_heads=2),
        'train_dataloader.batch_size': 12,
        'train_dataloader.num_workers': 0,
        'train_dataloader.dataset.data_root': str(colors / 'train'),
        'train_cfg.max_epochs': epochs,
        'default_hooks.checkpoint': dict(interval=1, max_keep_ckpts=9),
        'default_hooks.logger.interval': 1,
        'work_dir': str(work_dir), 'log_level': 'WARNING', 'vis_backends': None,
        'visualizer.vis_backends': [dict(type='LocalVisBackend')],
        'experiment_name': f'{work_dir.name}{next(_NUMBERS)}',
    })
    cfg.param_scheduler = []
    if method == 'conditional_mae':
        cfg.model.mask_generator.shots = ((0, .5), (1, .25))
    if method == 'swin':
        cfg.model.backbone, cfg.model.neck = SWIN, None
        cfg.model.mask_generator.shots = ((0, .5), )
    if method == 'convnext':
        cfg.model.backbone = CONVNEXT
        cfg.model.neck = dict(type='mmguided.ConvNeXtDecoder', embed_dims=8)
        cfg.model.mask_generator.shots = ((0, .5), )
    if method == 'cmt_mae':
        cfg.model.teacher = dict(type='mmguided.LinearTeacher')
    cfg.custom_hooks = [*cfg.get('custom_hooks', []), *hooks]
    cfg.merge_from_dict(options)
    return cfg


def train(*args, **kwargs) -> Runner:
    """Train a :func:`config`; returns the Runner."""
    runner = Runner.from_cfg(config(*args, **kwargs))
    runner.train()
    return runner


def rows(runner: Runner) -> list[dict]:
    """Log rows of a run."""
    path = Path(runner._log_dir) / 'vis_data' / 'scalars.json'
    return [json.loads(line) for line in path.read_text().splitlines()]


def values(runner: Runner, name: str) -> list[tuple[int, float]]:
    """Iteration and value of each point of a scalar."""
    return [(row['step'], row[name]) for row in rows(runner) if name in row]


def checkpoint(work_dir: Path, epoch: int) -> dict:
    """Load a checkpoint with ``weights_only=True``."""
    return torch.load(work_dir / f'epoch_{epoch}.pth', weights_only=True)


def assert_equal(a, b, where='') -> None:
    """Compare nested dicts, lists and tensors exactly."""
    assert type(a) is type(b), where
    if isinstance(a, dict):
        assert a.keys() == b.keys(), where
        for key in a:
            assert_equal(a[key], b[key], f'{where}.{key}')
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b), where
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            assert_equal(x, y, f'{where}.{i}')
    elif isinstance(a, torch.Tensor):
        assert torch.equal(a, b), where
    else:
        assert a == b, where


def assert_trained_alike(watched: Runner, plain: Runner) -> None:
    """Compare weights, statistics, optimizer, RNG state, modes and losses exactly."""
    epoch = plain.epoch
    saved = [checkpoint(Path(runner.work_dir), epoch) for runner in (watched, plain)]
    for key in ('state_dict', 'optimizer', 'rng_states'):
        assert_equal(saved[0][key], saved[1][key], key)
    assert all(module.training == other.training for module, other in zip(
        watched.model.modules(), plain.model.modules(), strict=True))
    losses = [[{name: value for name, value in row.items() if 'online' not in name and
                'time' not in name} for row in rows(runner) if 'loss' in row]
              for runner in (watched, plain)]
    assert losses[0] == losses[1] and len(losses[0]) == plain.iter
