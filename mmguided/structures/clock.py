"""The time of a run, and numbers that change with it."""
import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from mmguided.utils.errors import ConfigError


class Clock(nn.Module):
    """How much of a run is over. Everything that changes over epochs reads this clock.

    The algorithm owns it and hands it to its parts. Its time is a buffer, hence in every
    checkpoint; :class:`mmguided.engine.hooks.ClockHook` sets it before each step, from the number
    of steps, which all processes count alike. It also knows when its trigger has fired, which a
    schedule may wait for (Self-guided MAE, Sec. 4).

    Attributes:
        epoch: Epochs that are over, with fractions.
        max_epochs: Epochs of the whole run; None before a run has started.
        trigger_epoch: Epoch at which the trigger has fired; None before.
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer('epochs', torch.zeros(()))
        self.register_buffer('trigger', torch.tensor(-1.))  # not yet
        # The buffers' values on the host: a step must not wait for the device.
        self.epoch = 0.
        self.max_epochs: float | None = None
        self.trigger_epoch: float | None = None

    @classmethod
    def at_end(cls) -> 'Clock':
        """A clock of a run that is over."""
        clock = cls()
        clock.fire()
        clock.set(math.inf, math.inf)
        return clock

    def set(self, epoch: float, max_epochs: float | None = None) -> None:
        """Set the time, in epochs."""
        self.epoch = float(epoch)
        self.epochs.fill_(self.epoch)
        if max_epochs is not None:
            self.max_epochs = float(max_epochs)

    def fire(self) -> None:
        """Fire the trigger, now, if it has not fired before; on all processes alike."""
        if self.trigger_epoch is None:
            self.trigger_epoch = self.epoch
            self.trigger.fill_(self.epoch)

    @property
    def progress(self) -> float:
        """Share of the run that is over, in [0, 1]; 0 before a run has started."""
        if not self.max_epochs:
            return 0.
        return 1. if self.epoch >= self.max_epochs else self.epoch / self.max_epochs

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, strict, missing_keys,
                              unexpected_keys, error_msgs) -> None:
        # A checkpoint of another project has no clock: it starts at 0.
        state_dict.setdefault(f'{prefix}epochs', torch.zeros(()))
        state_dict.setdefault(f'{prefix}trigger', torch.tensor(-1.))
        super()._load_from_state_dict(state_dict, prefix, local_metadata, strict, missing_keys,
                                      unexpected_keys, error_msgs)
        self.epoch = float(self.epochs)
        self.trigger_epoch = None if self.trigger < 0 else float(self.trigger)


@dataclass(frozen=True)
class Schedule:
    """A number that changes over the epochs: ``start`` before the epoch ``begin``, then linearly to
    ``end`` over ``ramp`` epochs, then ``end``.

    Args:
        start, end: The number before and after the change.
        begin: Epoch at which the change begins.
        ramp: Epochs that it takes; 0 switches at once.
        relative: ``begin`` and ``ramp`` are shares of the run, in [0, 1], in place of epochs.
    """
    start: float
    end: float
    begin: float = 0
    ramp: float = 0
    relative: bool = False

    def __post_init__(self) -> None:
        if self.begin < 0 or self.ramp < 0 or self.relative and self.begin + self.ramp > 1:
            raise ConfigError(f'{self}: begin and ramp may not be negative, nor with relative=True '
                              'above 1 together')

    @classmethod
    def of(cls, value: 'float | Mapping | Schedule', field: str) -> 'Schedule':
        """From a number, which never changes, or the arguments above.

        Raises:
            ConfigError: Naming ``field``, if it is neither or not always in [0, 1].
        """
        if isinstance(value, Mapping):
            known = set(cls.__dataclass_fields__)
            if not {'start', 'end'} <= set(value) <= known:
                raise ConfigError(f'{field}={dict(value)}: give start and end, and if wanted '
                                  'begin, ramp and relative')
            value = cls(**value)
        elif isinstance(value, (int, float)):
            value = cls(value, value)
        if not isinstance(value, cls) or not all(
                0 <= number <= 1 for number in (value.start, value.end)):
            raise ConfigError(f'{field}={value!r}: give a number from 0 to 1, or '
                              'dict(start=..., end=..., begin=EPOCH)')
        return value

    def at(self, clock: Clock) -> float:
        """The number at the time of the clock."""
        elapsed = (clock.progress if self.relative else clock.epoch) - self.begin
        if elapsed < 0:
            return self.start
        share = min(elapsed / self.ramp, 1.) if self.ramp else 1.
        return self.start + (self.end - self.start) * share

    @property
    def is_constant(self) -> bool:
        """Whether it never changes."""
        return self.start == self.end

    @property
    def is_zero(self) -> bool:
        """Whether it is 0 throughout."""
        return self.start == self.end == 0
