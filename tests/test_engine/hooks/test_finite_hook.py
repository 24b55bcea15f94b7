"""FiniteHook: a diverged run stops and names its cause."""
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from mmguided.engine.hooks import FiniteHook
from mmguided.utils.errors import DivergedError
from tests.helpers.online import values
from tests.helpers.toy import ScaledOptimWrapper, ToyModel, toy_runner


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


@pytest.mark.parametrize('fused, clip', [
    (None, None), (False, None), (True, None), (None, dict(type='value', clip_value=99)),
    (None, dict(max_norm=99))])
def test_the_gradient_norm_of_logged_steps_is_logged(tmp_path, monkeypatch, fused, clip):
    """With a loss scaler (``fused`` is not None), the logged gradient is unscaled. MMEngine logs
    the norm of every step if it clips by the norm."""
    norms, backward = [], torch.Tensor.backward

    def record(loss, *args, **kwargs):
        backward(loss, *args, **kwargs)
        weight, bias = runner.model.fc.weight.grad, runner.model.fc.bias.grad
        norm = (weight.square().sum() + bias.square().sum()).sqrt().item()
        norms.append(norm if fused is None else norm / 4)

    hooks = dict(finite=dict(type='mmguided.FiniteHook'),
                 logger=dict(type='LoggerHook', interval=2))
    runner = toy_runner(tmp_path, hooks, **{'optim_wrapper.clip_grad': clip})
    if fused is not None:
        runner.optim_wrapper = ScaledOptimWrapper(
            torch.optim.SGD(runner.model.parameters(), .1, fused=fused),
            torch.amp.GradScaler('cpu', init_scale=4.))
    monkeypatch.setattr(torch.Tensor, 'backward', record)
    runner.train()
    logged = runner.message_hub.get_scalar('train/grad_norm').data[0]
    assert logged.tolist() == pytest.approx(norms if clip and 'max_norm' in clip else norms[1::2])


@pytest.mark.parametrize('batch_size, interval, logged', [(3, 2, [2, 5, 8]), (4, 3, [2, 4, 6])])
def test_each_log_line_has_the_gradient_norm_of_its_step(
        tmp_path, monkeypatch, batch_size, interval, logged):
    """3 or 2 steps per epoch. The logger counts the steps of the epoch, and logs the last step of a
    short one."""
    norms, backward = [], torch.Tensor.backward

    def record(loss, *args, **kwargs):
        backward(loss, *args, **kwargs)
        norms.append(torch.cat([p.grad.flatten() for p in runner.model.parameters()]).norm().item())

    hooks = dict(finite=dict(type='mmguided.FiniteHook'),
                 logger=dict(type='LoggerHook', interval=interval))
    runner = toy_runner(tmp_path, hooks, train_cfg=dict(max_epochs=3),
                        train_dataloader=dict(batch_size=batch_size),
                        log_processor=dict(window_size=1), visualizer=dict(
                            type='Visualizer', vis_backends=[dict(type='LocalVisBackend')]))
    monkeypatch.setattr(torch.Tensor, 'backward', record)
    runner.train()
    assert values(runner, 'grad_norm') == [
        (step, pytest.approx(norms[step - 1])) for step in logged]


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
