"""The clock of a run: progress, checkpoints of ours and of others."""
import pytest
import torch

from mmguided.structures import Clock, Schedule
from mmguided.utils.errors import ConfigError


def test_progress_is_the_share_of_the_run():
    clock = Clock()
    assert (clock.epoch, clock.progress) == (0, 0)
    clock.set(30, 120)
    assert (clock.epoch, clock.progress) == (30, .25)
    clock.set(60)
    assert clock.progress == .5, 'the length of the run stays'
    clock.set(130)
    assert clock.progress == 1


def test_it_survives_a_checkpoint_and_starts_at_zero_where_there_is_none():
    model, other = (torch.nn.ModuleDict(dict(clock=Clock(), fc=torch.nn.Linear(2, 2)))
                    for _ in range(2))
    model['clock'].set(12.5, 100)
    other.load_state_dict(model.state_dict(), strict=True)
    assert other['clock'].epoch == 12.5 and other['clock'].max_epochs is None
    foreign = {k: v for k, v in model.state_dict().items() if not k.startswith('clock')}
    assert not other.load_state_dict(foreign, strict=True).missing_keys
    assert other['clock'].epoch == 0


def test_a_schedule_goes_from_start_to_end():
    clock = Clock()
    cases = {Schedule(1., 0.): [0, 0, 0], Schedule(0., .3, 4): [0, .3, .3],
             Schedule(1., 0., 2, 4): [1, .5, 0], Schedule(0., 1., .5, relative=True): [0, 1, 1]}
    for schedule, values in cases.items():
        for epoch, value in zip((1, 4, 8), values, strict=True):
            clock.set(epoch, 8)
            assert schedule.at(clock) == value
        assert schedule.at(Clock.at_end()) == schedule.end
    assert Schedule.of(.3, 'x').is_constant and Schedule.of(0, 'x').is_zero


@pytest.mark.parametrize('value', [
    2, 'a', dict(start=0), dict(start=0, end=1, begin=-1),
    dict(start=0, end=1, begin=.8, ramp=.4, relative=True)])
def test_a_schedule_that_cannot_be_is_refused(value):
    with pytest.raises(ConfigError):
        Schedule.of(value, 'model.alpha')


def test_the_trigger_fires_once_and_stays_in_the_checkpoint():
    clock = Clock()
    assert clock.trigger_epoch is None
    clock.set(3.5)
    clock.fire()
    clock.set(5.)
    clock.fire()
    assert clock.trigger_epoch == 3.5
    resumed = Clock()
    resumed.load_state_dict(clock.state_dict())
    assert resumed.trigger_epoch == 3.5
    before = Clock()
    before.load_state_dict(dict(epochs=torch.tensor(2.)))  # of an older version
    assert before.epoch == 2 and before.trigger_epoch is None
    resumed.load_state_dict(Clock().state_dict())
    assert resumed.trigger_epoch is None
    assert Clock.at_end().trigger_epoch == 0
