"""The time of a run."""
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

    def set(self, epoch: float, max_epochs: float | None = None) -> None:
        """Set the time, in epochs."""
        self.epoch = float(epoch)
        self.epochs.fill_(self.epoch)
        if max_epochs is not None:
            self.max_epochs = float(max_epochs)

    @property
    def progress(self) -> float:
        """Share of the run that is over, in [0, 1]; 0 before a run has started."""
        return min(self.epoch / self.max_epochs, 1.) if self.max_epochs else 0.

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, strict, missing_keys,
                              unexpected_keys, error_msgs) -> None:
        # A checkpoint of another project has no clock: it starts at 0.
        state_dict.setdefault(f'{prefix}epochs', torch.zeros(()))
        super()._load_from_state_dict(state_dict, prefix, local_metadata, strict, missing_keys,
                                      unexpected_keys, error_msgs)
        self.epoch = float(self.epochs)
