"""FiniteHook: a diverged run stops and names its cause."""
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from mmguided.engine.hooks import FiniteHook
from mmguided.utils.errors import DivergedError
from tests.helpers.toy import ToyModel, toy_runner


def run(tmp_path, monkeypatch, broken, patience=2, interval=3, epochs=6, **settings):
    """Train 2 steps per epoch. The loss is NaN in the steps ``broken`` (from 1)."""
    forward, steps = ToyModel.forward, iter(range(1, 99))

    def loss(self, inputs, targets, mode='tensor'):
        step = next(steps)
        losses = forward(self, inputs, targets, mode)
        # The gradient of a constant NaN is 0, so the weights stay finite.
        return dict(loss=losses['loss'] + (torch.nan if step in broken else 0))

    monkeypatch.setattr(ToyModel, 'forward', loss)
    hooks = dict(finite=dict(type='mmguided.FiniteHook', patience=patience, interval=interval),
                 logger=dict(type='LoggerHook', interval=2))
    runner = toy_runner(tmp_path, hooks, train_cfg=dict(max_epochs=epochs), **settings)
    runner.train()
    return runner


@pytest.mark.parametrize('broken', [(), (2, ), (2, 4, 6), (3, 5, 6, 9), (12, )])
def test_finite_losses_between_nan_continue(tmp_path, monkeypatch, broken):
    """Reads happen after steps 3, 6, 9 and 12; (3, 5, 6) has two, but patience is three. After the
    last step, 12, the weights are finite."""
    assert run(tmp_path, monkeypatch, broken, patience=3).iter == 12


@pytest.mark.parametrize('broken, stop, streak, first', [
    (range(5, 99), 6, 2, 5), (range(4, 99), 6, 3, 4), (range(6, 99), 9, 4, 6)])
def test_a_run_of_nan_stops_at_the_next_read(tmp_path, monkeypatch, broken, stop, streak, first):
    with pytest.raises(DivergedError, match=(
            f'last {streak} steps, since iteration {first}.*none.*'
            f'{(stop - 1) // 2 and "epoch_"}')) as error:
        run(tmp_path, monkeypatch, broken)
    assert error.value.exit_code == 3


def test_the_weight_is_named(tmp_path, monkeypatch):
    with pytest.raises(DivergedError, match='fc.weight'):
        run(tmp_path, monkeypatch, (), optim_wrapper=dict(optimizer=dict(lr=1e30)))


def test_the_images_are_named(tmp_path, monkeypatch):
    """The hook keeps names, because a batch may have gigabytes of annotations."""
    hook = FiniteHook(patience=1, interval=1)
    sample = SimpleNamespace(img_path='a.png', masks=object())
    runner = toy_runner(tmp_path, {})
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    hook.before_train(runner)

    def step(loss):
        hook.after_train_iter(runner, 0, dict(data_samples=[sample]), dict(loss=torch.tensor(loss)))

    step(1.)
    assert list(hook._batches) == [['a.png']]

    def fail(*args):
        raise OSError

    monkeypatch.setattr(Path, 'write_text', fail)
    with pytest.raises(DivergedError, match="Images of this iteration: 'a.png'"):
        step(torch.nan)
