"""The time of a run."""
import math

import torch
from torch import nn


class Clock(nn.Module):
    """How much of a run is over. Everything that changes over epochs reads this clock.

    The algorithm owns it and hands it to its parts. Its time is a buffer, hence in every
    checkpoint; :class:`mmguided.engine.hooks.ClockHook` sets it before each step, from the number
    of steps, which all processes count alike.

    Attributes:
        epoch: Epochs that are over, with fractions.
        max_epochs: Epochs of the whole run; None before a run has started.
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer('epochs', torch.zeros(()))
        # The buffer's value on the host: a step must not wait for the device.
        self.epoch = 0.
        self.max_epochs: float | None = None

    @classmethod
    def at_end(cls) -> 'Clock':
        """A clock of a run that is over."""
        clock = cls()
        clock.set(math.inf, math.inf)
        return clock

    def set(self, epoch: float, max_epochs: float | None = None) -> None:
        """Set the time, in epochs."""
        self.epoch = float(epoch)
        self.epochs.fill_(self.epoch)
        if max_epochs is not None:
            self.max_epochs = float(max_epochs)

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
        super()._load_from_state_dict(state_dict, prefix, local_metadata, strict, missing_keys,
                                      unexpected_keys, error_msgs)
        self.epoch = float(self.epochs)
