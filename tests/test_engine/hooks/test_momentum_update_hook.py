"""MomentumUpdateHook: one EMA update for each optimizer step."""
import math

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from torch import nn

from mmguided.models import Encoder, MomentumEncoder
from mmguided.structures import Clock
from tests.helpers.toy import ScaledOptimWrapper, train_module


class _Encoder(Encoder, nn.Module):
    """One weight and a normalization layer with buffers."""

    final_norm = True
    num_layers = 1
    observable = ('tokens', )

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.norm = nn.BatchNorm1d(1)
        self.ln1 = nn.Identity()


class _Model(BaseModel):
    """Loss: minus the weight. SGD with a learning rate of 1 adds 1 per step."""

    def __init__(self, **kwargs):
        super().__init__()
        self.backbone = _Encoder()
        self.momentum_encoder = MomentumEncoder(self.backbone, **kwargs)
        self.clock = Clock()
        self.broken_at = ()
        self.calls = 0

    def forward(self, inputs, mode='loss'):
        self.calls += 1
        loss = -self.backbone.weight.sum()
        if self.calls in self.broken_at:
            loss = loss * math.inf
        return dict(loss=loss)


class _Record(Hook):

    def __init__(self):
        self.online, self.target, self.momentum = [], [], []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.online.append(runner.model.backbone.weight.item())
        self.target.append(runner.model.momentum_encoder.encoder.weight.item())
        logged = runner.message_hub.log_scalars.get('train/ema_momentum')
        self.momentum.append(logged and logged.current())


def run(tmp_path, iters, model=None, **kwargs):
    record = _Record()
    train_module(model or _Model(momentum=.9), tmp_path, [dict(inputs=torch.zeros(1))] * 4, iters,
                 by_epoch=False, batch_size=1, hooks=[
                     dict(type='mmguided.ClockHook'), dict(type='mmguided.MomentumUpdateHook'),
                     record], **kwargs)
    return record


def average(online, momentum=.9):
    target, averages = 0., []
    for value in online:
        target = momentum * target + (1 - momentum) * value
        averages.append(target)
    return averages


def test_accumulated_gradients_make_one_update(tmp_path):
    wrapper = dict(
        type='OptimWrapper', accumulative_counts=2, optimizer=dict(type='SGD', lr=1.))
    record = run(tmp_path, 4, optim_wrapper=wrapper)
    assert record.online == [0, 1, 1, 2]
    once, twice = average([1, 2])
    assert record.target == pytest.approx([0, once, once, twice])


@pytest.mark.parametrize('fused', [False, True])
def test_a_step_that_the_loss_scaler_skips_makes_no_update(tmp_path, fused):
    """The test runs on a CPU; a fused optimizer skips the step itself."""
    model = _Model(momentum=.9)
    model.broken_at = (2, )
    scaler = torch.amp.GradScaler('cpu', init_scale=4.)
    optimizer = torch.optim.SGD([model.backbone.weight], 1., fused=fused)
    record = run(tmp_path, 3, model, optim_wrapper=ScaledOptimWrapper(optimizer, scaler))
    assert record.online == [1, 1, 2]
    assert record.target == pytest.approx(average([1])[-1:] * 2 + average([1, 2])[-1:])


@pytest.mark.parametrize('end', [None, 1.])
def test_one_update_after_each_step_also_after_resume(tmp_path, end):
    straight = run(tmp_path / 'a', 4, _Model(momentum=.9, end_momentum=end))
    run(tmp_path / 'b', 2, _Model(momentum=.9, end_momentum=end))
    resumed = run(tmp_path / 'b', 4, _Model(momentum=.9, end_momentum=end), resume=True)
    assert straight.online == [1, 2, 3, 4] and resumed.online == [3, 4]
    assert resumed.momentum == straight.momentum[2:]
    if end is None:
        assert straight.momentum == [.9] * 4
        assert straight.target == pytest.approx(average([1, 2, 3, 4]))
        assert resumed.target == pytest.approx(straight.target[2:])
