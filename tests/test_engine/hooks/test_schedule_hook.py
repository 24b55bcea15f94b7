"""ScheduleHook: resume with changed settings, and rates that do not fit the run."""
import math
from logging.handlers import BufferingHandler
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.hooks import Hook

from mmguided.cli.config_checks import check_values
from tests.helpers.toy import toy_runner

COSINE = dict(type='CosineAnnealingLR', by_epoch=True, convert_to_iter_based=True)
WARMUP = dict(type='LinearLR', start_factor=.1, by_epoch=True, begin=0, end=2)


class Rates(Hook):
    """Record learning rate and weight decay of each iteration."""

    def __init__(self):
        self.lr, self.decay = [], []

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        group = runner.optim_wrapper.optimizer.param_groups[0]
        self.lr.append(group['lr'])
        self.decay.append(group['weight_decay'])


def train(work_dir, epochs, **settings):
    """Train the toy model (2 iterations per epoch with batch size 4); return its rates and the log
    of ScheduleHook."""
    runner = toy_runner(work_dir, dict(
        rng_state=dict(type='mmguided.RNGStateHook'), schedule=dict(type='mmguided.ScheduleHook'),
        steps=dict(type='CheckpointHook', by_epoch=False, interval=1)),
        **{'train_cfg.max_epochs': epochs, **settings})
    runner.register_hook(rates := Rates())
    runner.logger.addHandler(log := BufferingHandler(999))
    runner.train()
    return rates, [
        record.getMessage() for record in log.buffer
        if Path(record.pathname).name == 'schedule_hook.py']


def half_cosine(step, steps):
    return .1 * (1 + math.cos(math.pi * step / steps)) / 2


@pytest.mark.parametrize('name, changes, lr, decay, named', [
    ('epoch_2', dict(), [half_cosine(step, 8) for step in (4, 5, 6, 7)], 0, []),
    # As a run with this length, rate, decay or batch size from the start.
    ('epoch_2', {'train_cfg.max_epochs': 6, 'param_scheduler.T_max': 6, 'param_scheduler.end': 6},
     [half_cosine(step, 12) for step in range(4, 12)], 0,
     ['param_scheduler.0.end=12 (checkpoint: 8)']),
    ('epoch_2', {'optim_wrapper.optimizer.lr': .2, 'optim_wrapper.optimizer.weight_decay': .5},
     [2 * half_cosine(step, 8) for step in (4, 5, 6, 7)], .5,
     ['optim_wrapper.optimizer.lr', 'optim_wrapper.optimizer.weight_decay']),
    # After 2.5 epochs.
    ('iter_5', {'train_dataloader.batch_size': 2},
     [half_cosine(step, 16) for step in range(10, 16)], 0,
     ['iterations per epoch', 'param_scheduler.0.end=16 (checkpoint: 8)']),
])
def test_resume_follows_changed_settings(tmp_path, name, changes, lr, decay, named):
    settings = dict(param_scheduler=dict(COSINE, T_max=4, end=4))
    train(tmp_path, 4, **settings)
    rates, log = train(tmp_path / 'resumed', 4, resume=True,
                       load_from=str(tmp_path / f'{name}.pth'), **settings, **changes)
    assert rates.lr == pytest.approx(lr)
    assert set(rates.decay) == {decay}
    assert len(log) == bool(named)
    assert all(text in log[0] for text in named)


@pytest.mark.parametrize('schedule, epochs, problem', [
    (dict(COSINE, T_max=2, end=2), 2, None),
    ([WARMUP], 3, None),  # constant after the warm-up
    (dict(COSINE, T_max=15, end=15), 2,
     'the schedule ends after 15 epochs, but the run ends after 2'),
    (dict(COSINE, T_max=1, end=1), 2, 'the schedule ends after 1 epochs, but the run ends after 2'),
    ([WARMUP], 2, 'the warm-up ends after 2 epochs, but the run ends after 2'),
    (dict(type='MultiStepLR', by_epoch=True, milestones=[1]), 2, None),
])
def test_schedule_that_does_not_end_with_the_run(tmp_path, schedule, epochs, problem):
    log = train(tmp_path, epochs, param_scheduler=schedule)[1]
    assert len(log) == bool(problem) and (not problem or problem in log[0])


def test_gap_between_warmup_and_cosine(tmp_path):
    """The warm-up was shortened, and the cosine begins as before."""
    cosine = dict(COSINE, begin=2, T_max=2, end=4)
    for end, expected in ((2, []), (1, [
            'param_scheduler.1.begin: the learning rate is constant between 25.0% and 50.0% of the '
            'run. Unless this is intended, let the schedule begin earlier.'])):
        schedule = [dict(WARMUP, end=end), cosine]
        assert train(tmp_path / str(end), 4, param_scheduler=schedule)[1] == expected
    whole = dict(COSINE, T_max=4, end=4)
    assert train(tmp_path / 'c', 4, param_scheduler=[whole, dict(WARMUP, end=1), cosine])[1] == []


@pytest.mark.parametrize('base, accumulate, enable, warns', [
    (1024, 1, False, True), (8, 2, False, False), (1024, 1, True, False)])
def test_batch_that_does_not_fit_the_learning_rate(
        tmp_path, base, accumulate, enable, warns):
    log = train(tmp_path, 1, **{
        'optim_wrapper.accumulative_counts': accumulate,
        'auto_scale_lr': dict(enable=enable, base_batch_size=base)})[1]
    assert log == warns * ['train_dataloader.batch_size=4: an optimizer step has 4 images, but the '
                           'learning rate is set for 1024. Add --auto-scale-lr, or set --lr.']


@pytest.mark.parametrize('kind', ['Runner', 'FlexibleRunner'])
def test_the_rate_is_scaled_by_the_images_of_an_optimizer_step(tmp_path, kind):
    """A step has 8 images, and the rate is meant for 16. The saved config can be used again."""
    settings = dict(runner_type=kind, auto_scale_lr=dict(enable=True, base_batch_size=16))
    rates, _ = train(tmp_path, 1, env_cfg={}, **settings,
                     **{'optim_wrapper.accumulative_counts': 2})
    assert rates.lr == [pytest.approx(.05)] * 2
    saved, = map(Config.fromfile, tmp_path.glob('*.py'))
    check_values(saved)
    assert saved.auto_scale_lr == settings['auto_scale_lr']
