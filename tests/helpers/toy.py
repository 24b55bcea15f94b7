"""Toy model and data for configs written by tests."""
import copy
import itertools
from collections.abc import Sequence
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from mmengine.registry import DATASETS, METRICS, MODELS
from mmengine.runner import Runner
from torch.utils.data import Dataset

from mmguided.cli.runner import build_runner
from mmguided.utils.errors import ConfigError


@MODELS.register_module()
class ToyModel(BaseModel):
    """Linear regression; ``depth=0`` raises ConfigError."""

    def __init__(self, depth: int = 1, data_preprocessor: dict | None = None,
                 init_cfg: dict | None = None) -> None:
        super().__init__(data_preprocessor)
        if depth < 1:
            raise ConfigError(f'model.depth={depth}: set it to 1 or more')
        self.fc = torch.nn.Linear(3, 1)
        torch.nn.init.zeros_(self.fc.weight)
        torch.nn.init.zeros_(self.fc.bias)

    def forward(self, inputs, targets, mode='tensor'):
        error = self.fc(inputs).squeeze(1) - targets
        return dict(loss=(error**2).mean()) if mode == 'loss' else [{'error': e} for e in error]


@DATASETS.register_module()
class ToyData(Dataset):
    """``num`` points; reading the point ``bad`` raises ConfigError."""

    def __init__(self, bad: int | None = None, num: int = 8) -> None:
        self.bad = bad
        self.inputs = torch.randn(num, 3, generator=torch.Generator().manual_seed(0))

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, index):
        if index == self.bad:
            raise ConfigError(f'dataset.bad={index}: leave it out')
        return dict(inputs=self.inputs[index], targets=self.inputs[index].sum())


@METRICS.register_module()
class ToyMetric(BaseMetric):
    """Mean absolute error."""

    def process(self, data_batch, data_samples):
        self.results += [float(sample['error'].abs()) for sample in data_samples]

    def compute_metrics(self, results):
        return dict(mae=sum(results) / len(results))


class ScaledOptimWrapper(OptimWrapper):
    """AmpOptimWrapper for CPUs."""

    def __init__(self, optimizer, scaler):
        super().__init__(optimizer)
        self.loss_scaler = scaler

    def backward(self, loss, **kwargs):
        self.loss_scaler.scale(loss).backward()

    def step(self, **kwargs):
        self.loss_scaler.step(self.optimizer)
        self.loss_scaler.update()


CONFIG = '''
custom_imports = dict(imports=['mmguided', 'tests.helpers.toy'], allow_failed_imports=False)
default_scope = 'mmpretrain'
model = dict(type='ToyModel')
train_dataloader = dict(
    batch_size=4, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='ToyData'))
test_dataloader = dict(
    batch_size=4, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='ToyData'))
test_evaluator = dict(type='ToyMetric')
test_cfg = dict()
train_cfg = dict(by_epoch=True, max_epochs=2)
optim_wrapper = dict(
    type='AmpOptimWrapper', loss_scale='dynamic', dtype='float16',
    optimizer=dict(type='SGD', lr=0.1))
default_hooks = dict(
    checkpoint=dict(type='CheckpointHook', interval=1),
    plain_checkpoint=dict(type='mmguided.PlainCheckpointHook'))
'''


def toy_runner(work_dir: Path, hooks: dict, **settings) -> Runner:
    """Runner of `CONFIG` on a CPU with additional hooks and changed fields."""
    cfg = Config.fromstring(CONFIG, '.py')
    cfg.merge_from_dict(dict(
        work_dir=str(work_dir), experiment_name=f'{work_dir.name}{next(_NUMBERS)}',
        default_hooks=hooks, train_dataloader=dict(collate_fn=dict(type='default_collate')),
        optim_wrapper=dict(_delete_=True, type='OptimWrapper', optimizer=dict(type='SGD', lr=.1)),
        val_cfg=None, test_cfg=None, test_dataloader=None, test_evaluator=None))
    cfg.merge_from_dict(copy.deepcopy(settings))  # merging removes _delete_
    return build_runner(cfg)


def train_module(model: torch.nn.Module, work_dir: Path, dataset: Sequence, until: int,
                 by_epoch: bool = True, batch_size: int = 4, hooks: Sequence = (),
                 **settings) -> Runner:
    """Train until an epoch (or iteration) with SGD and a checkpoint after each.

    ``settings`` replace arguments of Runner.
    """
    runner = Runner(model=model, work_dir=str(work_dir), **dict(
        train_dataloader=dict(
            dataset=dataset, batch_size=batch_size, collate_fn=dict(type='default_collate'),
            sampler=dict(type='DefaultSampler' if by_epoch else 'InfiniteSampler', shuffle=True)),
        train_cfg=dict(by_epoch=by_epoch, **{'max_epochs' if by_epoch else 'max_iters': until}),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=1.)),
        default_hooks=dict(
            checkpoint=dict(type='CheckpointHook', by_epoch=by_epoch, interval=1),
            plain_checkpoint=dict(type='mmguided.PlainCheckpointHook')),
        custom_hooks=hooks, default_scope='mmpretrain',
        experiment_name=f'{work_dir.name}{next(_NUMBERS)}') | settings)
    runner.train()
    return runner


_NUMBERS = itertools.count()  # Runners need unique names
