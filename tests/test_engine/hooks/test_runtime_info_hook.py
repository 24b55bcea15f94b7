"""RuntimeInfoHook: the log of MMEngine's hook, without reading values in each step."""
import json
from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook

from tests.helpers.online import values
from tests.helpers.toy import ScaledOptimWrapper, toy_runner

INTERVAL = 3


class Reads(Hook):
    """Number of values of the loss in the log history after each step."""

    priority = 'LOWEST'

    def __init__(self):
        self.lengths = []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        loss = runner.message_hub.log_scalars.get('train/loss')
        self.lengths.append(len(loss.data[0]) if loss else 0)


def run(work_dir, hook, **settings):
    """Train 2 epochs of 8 steps; save every 5 steps; return reads, histories and log rows."""
    runner = toy_runner(work_dir, dict(
        runtime_info=dict(type=hook), logger=dict(type='LoggerHook', interval=INTERVAL),
        steps=dict(type='CheckpointHook', by_epoch=False, interval=5)),
        train_dataloader=dict(batch_size=1), **settings)
    runner.register_hook(reads := Reads())
    runner.train()
    histories = [{name: history.data[0].tolist() for name, history
                  in runner.message_hub.log_scalars.items() if 'time' not in name}]
    for step in (5, 10):
        saved = torch.load(work_dir / f'iter_{step}.pth', weights_only=True)['message_hub']
        histories.append({name: history['values'].tolist() for name, history
                          in saved['log_scalars'].items() if 'time' not in name})
    path, = Path(runner.log_dir).glob('vis_data/scalars.json')
    rows = [{name: value for name, value in json.loads(line).items() if 'time' not in name}
            for line in path.read_text().splitlines()]
    return reads.lengths, histories, rows


@pytest.mark.parametrize('settings', [
    {}, {'optim_wrapper.clip_grad': dict(max_norm=.1),
         'param_scheduler': dict(type='LinearLR', start_factor=.1, by_epoch=False, end=9)}])
def test_history_and_log_are_those_of_mmengine(tmp_path, settings):
    lengths, histories, rows = run(tmp_path / 'a', 'mmguided.RuntimeInfoHook', **settings)
    every, expected, expected_rows = run(tmp_path / 'b', 'RuntimeInfoHook', **settings)
    for logged in () if settings else (*histories, *rows):  # MMEngine logs it only if it clips
        assert logged.pop('train/grad_norm', None) or logged.pop('grad_norm')
    assert histories == expected and rows == expected_rows
    assert len(histories[1]['train/loss']) == 5 and len(set(histories[0]['train/loss'])) == 16
    assert ('train/grad_norm' in histories[0]) == bool(settings)
    assert every == list(range(1, 17))
    # Read by the log (of the epoch and of the run), and before checkpoints.
    assert lengths == [0, 0, 3, 3, 5, 6, 6, 8, 9, 10, 11, 12, 12, 14, 15, 16]


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

    hooks = dict(runtime_info=dict(type='mmguided.RuntimeInfoHook'),
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

    hooks = dict(runtime_info=dict(type='mmguided.RuntimeInfoHook'),
                 logger=dict(type='LoggerHook', interval=interval))
    runner = toy_runner(tmp_path, hooks, train_cfg=dict(max_epochs=3),
                        train_dataloader=dict(batch_size=batch_size),
                        log_processor=dict(window_size=1), visualizer=dict(
                            type='Visualizer', vis_backends=[dict(type='LocalVisBackend')]))
    monkeypatch.setattr(torch.Tensor, 'backward', record)
    runner.train()
    assert values(runner, 'grad_norm') == [
        (step, pytest.approx(norms[step - 1])) for step in logged]
