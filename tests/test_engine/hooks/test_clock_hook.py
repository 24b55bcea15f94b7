"""ClockHook: time in epoch-based and iteration-based loops and after resume."""
import pytest
import torch
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from torch import nn

from mmguided.models import MaskGenerator
from mmguided.structures import Clock
from mmguided.utils.errors import ConfigError
from tests.helpers.toy import train_module


class _Model(BaseModel):
    """Model that records the clock in each step."""

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


class _Reader(Hook):
    """Hook that records the clock after a checkpoint is loaded, and before each step."""

    def before_train(self, runner):
        self.epoch, self.epochs = runner.model.clock.epoch, runner.model.clock.epochs.item()
        self.seen = []

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.seen.append(runner.model.clock.epoch)


def train(tmp_path, limit, *, model=None, hooks=(), **kwargs):
    """Train on 8 images in batches of 3: an epoch has 3 batches, or 8 / 3 by images."""
    model = model or _Model()
    train_module(model, tmp_path, [dict(inputs=torch.zeros(1))] * 8, limit, batch_size=3,
                 hooks=[*hooks, dict(type='mmguided.ClockHook')], **kwargs)
    return model


def expected(steps, steps_per_epoch, total):
    """Epoch, number of epochs and progress in each of these steps."""
    return [pytest.approx((step / steps_per_epoch, total / steps_per_epoch, step / total))
            for step in steps]


@pytest.mark.parametrize('by_epoch, limit, ranks, steps, steps_per_epoch', [
    (True, 2, 1, 6, 3), (True, 2, 2, 6, 3), (False, 7, 1, 7, 8 / 3), (False, 4, 2, 4, 8 / 6)])
def test_epochs(tmp_path, monkeypatch, by_epoch, limit, ranks, steps, steps_per_epoch):
    """Epoch-based loops count batches, iteration-based loops count images. The loader of an
    epoch-based loop has the share of its rank; the loader of an iteration-based loop has the whole
    dataset."""
    monkeypatch.setattr('mmguided.engine.hooks.clock_hook.get_world_size', lambda: ranks)
    seen = train(tmp_path, limit, by_epoch=by_epoch).seen
    assert seen == expected(range(steps), steps_per_epoch, total=steps)


@pytest.mark.parametrize('by_epoch, stop, end, steps_per_epoch', [
    (True, 2, 4, 3), (False, 4, 7, 8 / 3)])
def test_time_is_saved_and_resumed(tmp_path, by_epoch, stop, end, steps_per_epoch):
    """The clock is set before other hooks run, also before those that precede it in the config."""
    train(tmp_path, limit=stop, by_epoch=by_epoch)
    first = 3 * stop if by_epoch else stop
    path = tmp_path / f'{"epoch" if by_epoch else "iter"}_{stop}.pth'
    saved = torch.load(path, weights_only=False)['state_dict']['clock.epochs']
    assert saved.item() == pytest.approx((first - 1) / steps_per_epoch)  # of its last step

    reader = _Reader()
    model = train(tmp_path, limit=end, by_epoch=by_epoch, hooks=[reader], resume=True)
    assert reader.epoch == reader.epochs == pytest.approx(saved.item())
    assert reader.seen == [epoch for epoch, *_ in model.seen]
    total = 3 * end if by_epoch else end
    assert model.seen == expected(range(first, total), steps_per_epoch, total)


def test_a_model_without_a_clock_trains(tmp_path):
    model = train(tmp_path, limit=1, model=_Model(clock=False))
    assert model.weight.item() == -3 and not hasattr(model, 'clock')


@pytest.mark.parametrize('schedule, cached, warns', [
    (dict(begin=2), False, True), (dict(begin=1.5), False, False), (dict(begin=1.5), True, True),
    (dict(begin=1), True, False), (dict(begin=0, ramp=9), False, False),
    (dict(begin=2, start=1, end=0), False, False), (dict(begin='trigger'), False, False)])
def test_guidance_that_never_begins_is_reported(tmp_path, capsys, schedule, cached, warns):
    """Cached scores are computed at the start of an epoch."""
    guidance = dict(type='mmguided.ClsAttention')
    model = _Model()
    model.mask_generator = MaskGenerator(
        dict(type='mmguided.TopKSampling'), schedule=schedule,
        guidance=dict(type='mmguided.CachedGuidance', guidance=guidance) if cached else guidance)
    train(tmp_path, limit=2, model=model)
    assert ('guidance would begin after the end' in capsys.readouterr().out) == warns


def test_a_momentum_encoder_without_updates_is_an_error(tmp_path):
    model = _Model()
    model.momentum_encoder = nn.Identity()
    with pytest.raises(ConfigError, match='model.momentum_encoder'):
        train(tmp_path, limit=1, model=model)
