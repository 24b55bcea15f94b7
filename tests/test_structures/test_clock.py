"""Clock and schedules: values over a run, checkpoints, errors."""
import pytest
import torch

from mmguided.structures import Clock, Schedule
from mmguided.utils.errors import ConfigError


def test_progress_is_the_elapsed_share_of_the_run():
    clock = Clock()
    assert (clock.epoch, clock.progress) == (0, 0)
    for epoch, max_epochs, progress in ((30, 120, .25), (60, None, .5), (130, None, 1)):
        clock.set(epoch, max_epochs)
        assert (clock.epoch, clock.progress) == (epoch, progress)


@pytest.mark.parametrize('begin, epochs, values', [
    (dict(), (0, 8), (.3, .3)),
    (dict(ramp=4), (0, 1, 4, 8), (1, .825, .3, .3)),
    (dict(begin=2, ramp=4), (1, 2, 4, 8), (1, 1, .65, .3)),
    (dict(begin=.5, relative=True), (3, 4, 8), (1, .3, .3)),
    (dict(begin=.25, ramp=.5, relative=True), (2, 4, 6), (1, .65, .3)),
    (dict(begin='trigger'), (0, 4, 5), (1, .3, .3)),
    (dict(begin='trigger', ramp=4), (0, 4, 6, 8), (1, 1, .65, .3)),
])
def test_schedule_goes_from_start_to_end(begin, epochs, values):
    """The trigger fires at epoch 4 of 8."""
    schedule, clock = Schedule.of(dict(start=1., end=.3, **begin), 'model.alpha'), Clock()
    for epoch, value in zip(epochs, values, strict=True):
        clock.set(epoch, 8)
        if epoch == 4:
            clock.fire()
        assert schedule.at(clock) == pytest.approx(value, abs=1e-12)
    assert schedule.at(Clock.at_end()) == pytest.approx(.3, abs=1e-12)
    assert schedule.is_constant == (begin == {})


def test_constant_schedules():
    assert Schedule.of(.3, 'x').is_constant and Schedule.of(dict(start=1, end=0), 'x').is_constant


@pytest.mark.parametrize('value', [
    2, 'a', dict(start=0), dict(start=0, end=1, begn=3), dict(start=0, end=1, begin=-1),
    dict(start=0, end=1, ramp=-1), dict(start=0, end=1, begin='tigger'),
    dict(start=0, end=1, begin='trigger', relative=True),
    dict(start=0, end=1, begin=.8, ramp=.4, relative=True)])
def test_invalid_schedules_are_errors(value):
    with pytest.raises(ConfigError, match='model.alpha='):
        Schedule.of(value, 'model.alpha')


def test_the_trigger_fires_once():
    clock = Clock()
    for epoch in (3.3, 5.):
        clock.set(epoch)
        clock.fire()
    assert clock.trigger_epoch == torch.tensor(3.3).item(), 'the number that a checkpoint has'
    assert Clock.at_end().trigger_epoch == 0
    clock.reset()
    assert (clock.epoch, clock.epochs, clock.trigger, clock.trigger_epoch) == (0, 0, -1, None)


def test_checkpoints():
    """Time and trigger are saved. A model without a clock loads with time 0, an older one without a
    trigger."""
    model, other = (torch.nn.ModuleDict(dict(clock=Clock(), fc=torch.nn.Linear(2, 2)))
                    for _ in range(2))
    model['clock'].set(12.5, 100)
    model['clock'].fire()
    other.load_state_dict(model.state_dict(), strict=True)
    clock = other['clock']
    assert (clock.epoch, clock.max_epochs, clock.trigger_epoch) == (12.5, None, 12.5)
    foreign = {k: v for k, v in model.state_dict().items() if not k.startswith('clock')}
    assert not other.load_state_dict(foreign, strict=True).missing_keys
    assert (clock.epoch, clock.trigger_epoch) == (0, None)
    clock.load_state_dict(dict(epochs=torch.tensor(2.)))
    assert (clock.epoch, clock.trigger_epoch) == (2, None)
