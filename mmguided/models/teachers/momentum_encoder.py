"""Momentum encoder for targets and guidance."""
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
    """Exponential moving average (EMA) of an encoder and of modules added by :meth:`add_ema`.

    :class:`mmguided.engine.hooks.MomentumUpdateHook` computes
    ``theta_t <- mu * theta_t + (1 - mu) * theta_s`` (CMAE Sec. 3.1) after each optimizer step.
    MMEngine's averaged models loop over tensors, synchronize at each update, and count forward
    passes instead of optimizer steps.

    Args:
        encoder: Encoder to average; set by the algorithm.
        momentum: Momentum mu at the start of the run.
        end_momentum: Momentum at the end of the run, with a cosine schedule; None means constant.
        update_buffers: Average buffers too; otherwise a copy keeps its own buffers, such as batch
            normalization statistics.
        final_norm: Keep the encoder's final norm in the copy.

    Attributes:
        encoder: EMA copy of the encoder.
        pairs: ``(copy, source)`` of every averaged module; the sources are not submodules.

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
                raise ConfigError(
                    f'momentum_encoder.{name}={value}: out of range. Choose a value in [0, 1].')
        self.momentum = momentum
        self.end_momentum = end_momentum
        self.update_buffers = update_buffers
        self.pairs: list[tuple[nn.Module, nn.Module]] = []
        self._parameters_cache = None  # listing them at every step would cost host time
        encoder.check_wants(Wants(tokens=True))
        if final_norm and not encoder.final_norm:
            raise ConfigError('momentum_encoder.final_norm=True: the backbone has no final norm. '
                              'Set backbone.final_norm=True.')
        self.encoder = self.add_ema(encoder)
        if encoder.final_norm and not final_norm:
            self.encoder.final_norm = False
            del self.encoder.ln1

    def add_ema(self, module: nn.Module) -> nn.Module:
        """Add ``module`` to the averaged modules; returns its copy, without gradient."""
        ema = copy.deepcopy(module).requires_grad_(False)
        self.pairs.append((ema, module))
        self._parameters_cache = None
        return ema

    def _apply(self, fn, recurse=True):
        self._parameters_cache = None  # moving to another device may replace tensors
        return super()._apply(fn, recurse)

    def init_weights(self) -> None:
        """Do nothing; :meth:`reset` initializes the copies."""

    def momentum_at(self, clock: Clock) -> float:
        """Momentum mu at the time of ``clock``."""
        remaining = (math.cos(math.pi * clock.progress) + 1) / 2
        return self.end_momentum - (self.end_momentum - self.momentum) * remaining

    @torch.no_grad()
    def reset(self) -> None:
        """Copy every source, including buffers."""
        for kind in ('parameters', 'buffers'):
            for ema, source in zip(*self._tensors(kind), strict=True):
                ema.copy_(source)

    @torch.no_grad()
    def update(self, momentum: float, skip: Tensor | None = None) -> None:
        """Update every copy: ``mu * copy + (1 - mu) * source``. If the tensor ``skip`` differs from
        0, the averaged values stay unchanged; the host does not read ``skip``."""
        if self._parameters_cache is None:
            self._parameters_cache = self._tensors('parameters')
        copies, sources = self._parameters_cache
        weight = 1 - momentum
        if skip is None:
            torch._foreach_lerp_(copies, sources, weight)
        else:
            # lerp takes no tensor on sharded weights.
            weight = weight * (skip == 0)
            changes = torch._foreach_sub(sources, copies)
            torch._foreach_mul_(changes, weight)
            torch._foreach_add_(copies, changes)
        if self.update_buffers:
            for ema, source in zip(*self._tensors('buffers'), strict=True):
                if ema.is_floating_point():
                    ema.lerp_(source, weight)
                else:  # a counter
                    ema.copy_(source)

    def _tensors(self, kind: str) -> tuple[list[Tensor], list[Tensor]]:
        """'parameters' or 'buffers' of copies and sources, in matching order."""
        averages, sources = [], []
        for ema, source in self.pairs:
            named = dict(getattr(source, f'named_{kind}')())
            for name, tensor in getattr(ema, f'named_{kind}')():
                averages.append(tensor)
                sources.append(named[name])
        return averages, sources
