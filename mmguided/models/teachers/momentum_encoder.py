"""A moving average of the encoder, as a source of targets and of guidance."""
import copy
import math

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmguided.registry import MODELS
from mmguided.structures import Clock, Wants
from mmguided.utils.errors import ConfigError

from ..backbones.base import Encoder


@MODELS.register_module()
class MomentumEncoder(BaseModule):
    """Exponential moving average (EMA) of an encoder, and of modules behind it.

    ``theta_t <- mu * theta_t + (1 - mu) * theta_s`` (CMAE Sec. 3.1) after each optimizer step, by
    :class:`mmguided.engine.hooks.MomentumUpdateHook`. MMEngine's averaged models are not used:
    they loop over the tensors, wait for the device at each update, and count forward passes
    rather than optimizer steps.

    Args:
        encoder: The encoder to average; algorithms fill in their backbone.
        momentum: mu, at the start.
        end_momentum: mu at the end of the run, approached along a cosine; None keeps it constant.
        update_buffers: Average buffers too; otherwise those of a copy are its own, such as the
            statistics that its batch normalization sees.
        final_norm: Keep the encoder's last norm in the copy.

    Attributes:
        encoder: The averaged copy.
        pairs: ``(copy, source)`` of every averaged module. The sources are no submodules: their
            weights are saved where they belong.

    Raises:
        ConfigError: If a momentum is not in [0, 1], or the encoder cannot be observed.
    """

    def __init__(self,
                 encoder: Encoder,
                 momentum: float = 0.996,
                 end_momentum: float | None = None,
                 update_buffers: bool = False,
                 final_norm: bool = True) -> None:
        super().__init__()
        end_momentum = momentum if end_momentum is None else end_momentum
        for name, value in (('momentum', momentum), ('end_momentum', end_momentum)):
            if not 0 <= value <= 1:
                raise ConfigError(f'momentum_encoder.{name}={value} must lie between 0 and 1')
        self.momentum = momentum
        self.end_momentum = end_momentum
        self.update_buffers = update_buffers
        self.pairs: list[tuple[nn.Module, nn.Module]] = []
        self._parameters_cache = None
        encoder.check_wants(Wants(tokens=True))
        if final_norm and not encoder.final_norm:
            raise ConfigError('momentum_encoder.final_norm=True, and the encoder that it averages '
                              'has none: set backbone.final_norm=True')
        self.encoder = self.add_ema(encoder)
        if encoder.final_norm and not final_norm:
            self.encoder.final_norm = False
            del self.encoder.ln1

    def add_ema(self, module: nn.Module) -> nn.Module:
        """A copy of ``module``, without gradient, that :meth:`update` averages too."""
        ema = copy.deepcopy(module).requires_grad_(False)
        self.pairs.append((ema, module))
        self._parameters_cache = None
        return ema

    def _apply(self, fn, recurse=True):
        self._parameters_cache = None  # a move to another device may replace the tensors
        return super()._apply(fn, recurse)

    def init_weights(self) -> None:
        """Nothing: the copies start as their sources, by :meth:`reset`."""

    def momentum_at(self, clock: Clock) -> float:
        """mu at the time of the clock."""
        remaining = (math.cos(math.pi * clock.progress) + 1) / 2
        return self.end_momentum - (self.end_momentum - self.momentum) * remaining

    @torch.no_grad()
    def reset(self) -> None:
        """Make every copy equal to its source, buffers included."""
        for kind in ('parameters', 'buffers'):
            for ema, source in zip(*self._tensors(kind), strict=True):
                ema.copy_(source)

    @torch.no_grad()
    def update(self, momentum: float) -> None:
        """Move every copy: mu of itself and 1 - mu of its source."""
        if self._parameters_cache is None:
            self._parameters_cache = self._tensors('parameters')
        torch._foreach_lerp_(*self._parameters_cache, 1 - momentum)
        if self.update_buffers:
            for ema, source in zip(*self._tensors('buffers'), strict=True):
                if ema.is_floating_point():
                    ema.lerp_(source, 1 - momentum)
                else:  # a counter
                    ema.copy_(source)

    def _tensors(self, kind: str) -> tuple[list[Tensor], list[Tensor]]:
        """'parameters' or 'buffers' of the copies and of their sources, in the same order."""
        averages, sources = [], []
        for ema, source in self.pairs:
            named = dict(getattr(source, f'named_{kind}')())
            for name, tensor in getattr(ema, f'named_{kind}')():
                averages.append(tensor)
                sources.append(named[name])
        return averages, sources
