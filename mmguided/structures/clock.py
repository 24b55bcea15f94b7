"""Clock of a training run, and schedules that read it."""
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from mmguided.utils.errors import ConfigError


class Clock(nn.Module):
    """Progress of a training run; all schedules depend on it.

    The algorithm owns the clock and passes it to its parts. Time and trigger are buffers and thus
    part of every checkpoint. :class:`mmguided.engine.hooks.ClockHook` sets the time before each
    step from the number of steps, which is equal on all ranks. A schedule can begin when the
    trigger fires (Self-guided MAE, Sec. 4).

    Attributes:
        epoch: Elapsed epochs, fractional.
        max_epochs: Length of the run in epochs; None before training starts.
        trigger_epoch: Epoch at which the trigger fired; None if it has not fired.
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer('epochs', torch.zeros(()))
        self.register_buffer('trigger', torch.tensor(-1.))  # negative: not fired
        # Host copies of the buffers, so that reading them does not synchronize with the device.
        self.epoch = 0.
        self.max_epochs: float | None = None
        self.trigger_epoch: float | None = None

    @classmethod
    def at_end(cls, epoch: float = math.inf, max_epochs: float = math.inf) -> 'Clock':
        """Clock near the end of a run, in which the trigger fired at the start."""
        clock = cls()
        clock.fire()
        clock.set(epoch, max_epochs)
        return clock

    def set(self, epoch: float, max_epochs: float | None = None) -> None:
        """Set the elapsed epochs and, if given, the length of the run."""
        self.epoch = float(epoch)
        self.epochs.fill_(self.epoch)
        if max_epochs is not None:
            self.max_epochs = float(max_epochs)

    def fire(self) -> None:
        """Fire the trigger if it has not fired before. Call it on all ranks."""
        if self.trigger_epoch is None:
            self.trigger_epoch = float(np.float32(self.epoch))  # the precision of checkpoints
            self.trigger.fill_(self.trigger_epoch)

    def reset(self) -> None:
        """Return to the start of a run, for example after loading the weights of another run."""
        self.set(0)
        self.trigger.fill_(-1)
        self.trigger_epoch = None

    @property
    def progress(self) -> float:
        """Elapsed share of the run, in [0, 1]; 0 before training starts."""
        if not self.max_epochs:
            return 0.
        return 1. if self.epoch >= self.max_epochs else self.epoch / self.max_epochs

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, strict, missing_keys,
                              unexpected_keys, error_msgs) -> None:
        # Checkpoints of other projects have no clock: start at 0.
        state_dict.setdefault(f'{prefix}epochs', torch.zeros(()))
        state_dict.setdefault(f'{prefix}trigger', torch.tensor(-1.))
        super()._load_from_state_dict(state_dict, prefix, local_metadata, strict, missing_keys,
                                      unexpected_keys, error_msgs)
        self.epoch = float(self.epochs)
        self.trigger_epoch = None if self.trigger < 0 else float(self.trigger)


@dataclass(frozen=True)
class Schedule:
    """Value that changes once during a run. It is ``start`` before ``begin``, changes linearly
    during ``ramp``, and is ``end`` afterwards.

    Args:
        start, end: Values before and after the change.
        begin: Epoch at which the change begins, or 'trigger' to begin when the clock's trigger
            fires (:class:`mmguided.engine.hooks.ExploitationHook`).
        ramp: Duration of the change in epochs; 0 switches at once.
        relative: Measure ``begin`` and ``ramp`` in shares of the run, in [0, 1], not in epochs.
    """
    start: float
    end: float
    begin: float | str = 0
    ramp: float = 0
    relative: bool = False

    @classmethod
    def of(cls, value: 'float | Mapping | Schedule', field: str) -> 'Schedule':
        """Build a schedule from a constant or from the arguments above.

        Raises:
            ConfigError: If an argument of ``field`` is missing, unknown or out of range.
        """
        if isinstance(value, Mapping):
            if not {'start', 'end'} <= set(value) <= set(cls.__dataclass_fields__):
                raise ConfigError(f'{field}={dict(value)}: missing or unknown key. Set start and '
                                  'end, and optionally begin, ramp and relative.')
            value = cls(**value)
        elif isinstance(value, (int, float)):
            value = cls(value, value)
        if not isinstance(value, cls) or not all(
                0 <= number <= 1 for number in (value.start, value.end)):
            raise ConfigError(f'{field}={value!r}: not a schedule. Set a number from 0 to 1, or '
                              'dict(start=..., end=..., begin=EPOCH).')
        if isinstance(value.begin, str) and (not value.waits_for_trigger or value.relative):
            raise ConfigError(f"{field}={value}: begin={value.begin!r} is not valid. Set an epoch, "
                              "'trigger', or a share of the run with relative=True.")
        begin = 0 if value.waits_for_trigger else value.begin
        if begin < 0 or value.ramp < 0 or value.relative and begin + value.ramp > 1:
            raise ConfigError(f'{field}={value}: begin or ramp is out of range. Set both to 0 or '
                              'more; with relative=True their sum must not exceed 1.')
        return value

    def at(self, clock: Clock) -> float:
        """Value at the time of the clock."""
        if self.is_constant:  # torch.compile: does not depend on the clock
            return self.end
        begin = clock.trigger_epoch if self.waits_for_trigger else self.begin
        if begin is None:
            return self.start
        elapsed = (clock.progress if self.relative else clock.epoch) - begin
        if elapsed < 0:
            return self.start
        share = min(elapsed / self.ramp, 1.) if self.ramp else 1.
        return self.start + (self.end - self.start) * share

    @property
    def waits_for_trigger(self) -> bool:
        """True if the change begins when the clock's trigger fires."""
        return self.begin == 'trigger'

    @property
    def is_constant(self) -> bool:
        """True if the value never changes."""
        return self.start == self.end or self.begin == self.ramp == 0
