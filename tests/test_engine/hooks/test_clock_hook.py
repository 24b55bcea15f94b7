"""ClockHook: time in epoch-based and iteration-based loops and after resume."""
from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn

from mmguided.registry import HOOKS
from mmguided.structures import Clock
from mmguided.utils.errors import ConfigError


class _Model(BaseModel):
    """Records the clock in each step."""

    def __init__(self, clock=True):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.seen = []
        if clock:
            self.clock = Clock()

    def forward(self, inputs, mode='loss'):
        if hasattr(self, 'clock'):
            assert self.clock.epochs.item() == pytest.approx(self.clock.epoch)
            self.seen.append((self.clock.epoch, self.clock.max_epochs, self.clock.progress))
        return dict(loss=self.weight.sum())


class _StartOfTraining(Hook):
    """Records the clock after a checkpoint is loaded, before the first step."""

    priority = 'LOWEST'

    def before_train(self, runner):
        self.epoch, self.epochs = runner.model.clock.epoch, runner.model.clock.epochs.item()


def train(tmp_path, limit, *, images=8, batch=3, by_epoch=True, model=None, first_hooks=(),
          hooks=(), **kwargs):
    """Train on 8 images in batches of 3: an epoch has 3 batches, or 8 / 3 by images."""
    model = model or _Model()
    Runner(
        model,
        str(tmp_path),
        train_dataloader=dict(
            dataset=[dict(inputs=torch.zeros(1))] * images,
            batch_size=batch,
            sampler=dict(type='DefaultSampler' if by_epoch else 'InfiniteSampler', shuffle=True)),
        train_cfg=dict(by_epoch=by_epoch, **{'max_epochs' if by_epoch else 'max_iters': limit}),
        optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=1.)),
        default_hooks=dict(
            checkpoint=dict(type='CheckpointHook', by_epoch=by_epoch, interval=1)),
        custom_hooks=[*first_hooks, dict(type='mmguided.ClockHook'), *hooks],
        default_scope='mmengine',
        experiment_name=f'{tmp_path}_{limit}_{bool(kwargs)}',
        **kwargs).train()
    return model


def expected(steps, steps_per_epoch, total):
    """Epoch, number of epochs and progress in each of these steps."""
    return [pytest.approx((step / steps_per_epoch, total / steps_per_epoch, step / total))
            for step in steps]


@pytest.mark.parametrize('by_epoch, limit, ranks, steps, steps_per_epoch', [
    (True, 2, 1, 6, 3), (True, 2, 2, 6, 3), (False, 7, 1, 7, 8 / 3), (False, 4, 2, 4, 8 / 6)])
def test_epochs(tmp_path, monkeypatch, by_epoch, limit, ranks, steps, steps_per_epoch):
    """Epoch-based loops count batches, iteration-based loops count images. The loader of an
    epoch-based loop holds the share of its rank, the infinite one the whole dataset."""
    monkeypatch.setattr('mmguided.engine.hooks.clock_hook.get_world_size', lambda: ranks)
    seen = train(tmp_path, limit, by_epoch=by_epoch).seen
    assert seen == expected(range(steps), steps_per_epoch, total=steps)


@pytest.mark.parametrize('by_epoch, stop, end, steps_per_epoch', [
    (True, 2, 4, 3), (False, 4, 7, 8 / 3)])
def test_time_is_saved_and_resumed(tmp_path, by_epoch, stop, end, steps_per_epoch):
    train(tmp_path, limit=stop, by_epoch=by_epoch)
    first = 3 * stop if by_epoch else stop
    path = tmp_path / f'{"epoch" if by_epoch else "iter"}_{stop}.pth'
    saved = torch.load(path, weights_only=False)['state_dict']['clock.epochs']
    assert saved.item() == pytest.approx((first - 1) / steps_per_epoch)  # of its last step

    start = _StartOfTraining()
    model = train(tmp_path, limit=end, by_epoch=by_epoch, hooks=[start], resume=True)
    assert start.epoch == start.epochs == pytest.approx(saved.item())
    total = 3 * end if by_epoch else end
    assert model.seen == expected(range(first, total), steps_per_epoch, total)


def test_a_model_without_a_clock_trains(tmp_path):
    model = train(tmp_path, limit=1, model=_Model(clock=False))
    assert model.weight.item() == -3 and not hasattr(model, 'clock')


def test_the_clock_of_a_wrapped_model_is_set():
    model, hook = _Model(), HOOKS.build(dict(type='mmguided.ClockHook'))
    runner = SimpleNamespace(
        model=nn.DataParallel(model), train_loop=None, iter=3, max_iters=12, cfg={},
        train_dataloader=SimpleNamespace(dataset=range(8), batch_size=2))
    hook.before_train(runner)
    hook.before_train_iter(runner, 0)
    assert (model.clock.epoch, model.clock.max_epochs) == (.75, 3)


def test_the_clock_is_set_before_other_hooks_run(tmp_path):
    """Also before hooks that precede it in the config."""

    class Reader(Hook):
        seen = []

        def before_train_iter(self, runner, batch_idx, data_batch=None):
            self.seen.append(runner.model.clock.epoch)

    reader = Reader()
    model = train(tmp_path, limit=1, first_hooks=[reader])
    assert reader.seen == [epoch for epoch, *_ in model.seen]


def test_a_momentum_encoder_without_updates_is_an_error(tmp_path):
    model = _Model()
    model.momentum_encoder = nn.Identity()
    with pytest.raises(ConfigError, match='model.momentum_encoder'):
        train(tmp_path, limit=1, model=model)
