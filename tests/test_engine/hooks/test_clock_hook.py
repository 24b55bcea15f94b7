"""ClockHook: what the clock shows in each step of each kind of loop, and after resuming."""
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
    """Writes down what its clock shows while the loss is computed."""

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
    """Writes down what the clock shows after a checkpoint is loaded, before the first step."""

    priority = 'LOWEST'

    def before_train(self, runner):
        self.epoch, self.epochs = runner.model.clock.epoch, runner.model.clock.epochs.item()


def train(tmp_path, limit, *, images=8, batch=3, by_epoch=True, model=None, first_hooks=(),
          hooks=(), **kwargs):
    """Train on batches of 3 of 8 images: an epoch of a loader has 3 steps, of the images 8 / 3."""
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


def test_epoch_based_loop_counts_batches_of_its_loader(tmp_path):
    seen = train(tmp_path, limit=2).seen
    assert seen == expected(range(6), steps_per_epoch=3, total=6)
    assert [epoch for epoch, *_ in seen[::3]] == [0, 1]


def test_iteration_based_loop_counts_images(tmp_path):
    """Its sampler never ends, and it may end in the midst of an epoch."""
    seen = train(tmp_path, limit=7, by_epoch=False).seen
    assert seen == expected(range(7), steps_per_epoch=8 / 3, total=7)


@pytest.mark.parametrize('by_epoch, steps_per_epoch', [(True, 3), (False, 8 / 6)])
def test_images_of_all_processes_count(tmp_path, monkeypatch, by_epoch, steps_per_epoch):
    """A loader of an epoch-based loop holds its process's share already; the infinite one's does
    not."""
    monkeypatch.setattr('mmguided.engine.hooks.clock_hook.get_world_size', lambda: 2)
    steps = 6 if by_epoch else 4
    seen = train(tmp_path, limit=2 if by_epoch else steps, by_epoch=by_epoch).seen
    assert seen == expected(range(steps), steps_per_epoch, total=steps)


@pytest.mark.parametrize('by_epoch, stop, end, steps_per_epoch', [
    (True, 2, 4, 3), (False, 4, 7, 8 / 3)])
def test_time_is_in_the_checkpoint_and_goes_on_when_resumed(
        tmp_path, by_epoch, stop, end, steps_per_epoch):
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


def test_a_model_without_a_clock_is_left_alone(tmp_path):
    model = train(tmp_path, limit=1, model=_Model(clock=False))
    assert model.weight.item() == -3 and not hasattr(model, 'clock')


def test_the_clock_of_a_wrapped_model_is_set():
    model, hook = _Model(), HOOKS.build(dict(type='mmguided.ClockHook'))
    runner = SimpleNamespace(
        model=nn.DataParallel(model), train_loop=None, iter=3, max_iters=12,
        train_dataloader=SimpleNamespace(dataset=range(8), batch_size=2))
    hook.before_train(runner)
    hook.before_train_iter(runner, 0)
    assert (model.clock.epoch, model.clock.max_epochs) == (.75, 3)


def test_it_comes_before_every_other_hook_of_a_step(tmp_path):
    """Hooks that read the clock may stand before it in a config."""

    class Reader(Hook):
        seen = []

        def before_train_iter(self, runner, batch_idx, data_batch=None):
            self.seen.append(runner.model.clock.epoch)

    reader = Reader()
    model = train(tmp_path, limit=1, first_hooks=[reader])
    assert reader.seen == [epoch for epoch, *_ in model.seen]


def test_a_momentum_encoder_that_nobody_moves_is_refused(tmp_path):
    model = _Model()
    model.momentum_encoder = nn.Identity()
    with pytest.raises(ConfigError, match='nobody moves the momentum encoder of the model: set '
                                          r'default_hooks\.momentum_update=dict'):
        train(tmp_path, limit=1, model=model)
