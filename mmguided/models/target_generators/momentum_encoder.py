"""A moving average of the encoder, as a source of targets and of guidance."""
import copy
import math

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmguided.registry import MODELS
from mmguided.utils.errors import ConfigError

from ..mask_generators import PatchMask


@MODELS.register_module()
class MomentumEncoder(BaseModule):
    """Follows an encoder, and modules behind it, by exponential moving average.

    ``theta_t <- mu * theta_t + (1 - mu) * theta_s`` (CMAE Sec. 3.1) after each optimiser step, by
    :class:`mmguided.engine.hooks.MomentumUpdateHook`. MMEngine's averaged models are not used:
    they loop over the tensors, wait for the device at each update, and count forward passes
    rather than optimiser steps.

    Args:
        encoder: The encoder to follow; algorithms fill in their backbone.
        momentum: mu, at the start.
        end_momentum: mu that it approaches, along a cosine, at the end; None keeps it constant.
        update_buffers: Average buffers too; otherwise a copy's buffers are its own, such as the
            statistics that its batch normalisation sees.
        final_norm: Give out tokens after the encoder's last norm; if not, the copy has none.

    Raises:
        ConfigError: If a momentum is not in [0, 1].
    """

    def __init__(self,
                 encoder: nn.Module,
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
        # In a list, the sources are not submodules: their weights are saved where they belong.
        self._pairs: list[tuple[nn.Module, nn.Module]] = []
        self._parameters_cache = None
        if final_norm and not getattr(encoder, 'final_norm', True):
            raise ConfigError('momentum_encoder.final_norm=True, and the encoder that it follows '
                              'has none: set backbone.final_norm=True')
        self.encoder = self.follow(encoder)
        if not final_norm and getattr(encoder, 'final_norm', False):
            self.encoder.final_norm = False
            del self.encoder.ln1

    def follow(self, module: nn.Module) -> nn.Module:
        """A copy of ``module``, without gradient, that is updated together with the encoder's."""
        follower = copy.deepcopy(module).requires_grad_(False)
        self._pairs.append((follower, module))
        self._parameters_cache = None
        return follower

    def _apply(self, fn, recurse=True):
        self._parameters_cache = None  # a move to another device may replace the tensors
        return super()._apply(fn, recurse)

    def init_weights(self) -> None:
        """Nothing: the copies start as what they follow, by :meth:`reset`."""

    def momentum_at(self, progress: float) -> float:
        """mu when this share of the training is behind, in [0, 1]."""
        remaining = (math.cos(math.pi * progress) + 1) / 2
        return self.end_momentum - (self.end_momentum - self.momentum) * remaining

    @torch.no_grad()
    def reset(self) -> None:
        """Make every copy equal to what it follows, buffers included."""
        for kind in ('parameters', 'buffers'):
            for follower, source in zip(*self.tensors(kind), strict=True):
                follower.copy_(source)

    @torch.no_grad()
    def update(self, momentum: float) -> None:
        """Move every copy: mu of itself and 1 - mu of what it follows."""
        if self._parameters_cache is None:
            self._parameters_cache = self.tensors('parameters')
        torch._foreach_lerp_(*self._parameters_cache, 1 - momentum)
        if self.update_buffers:
            for follower, source in zip(*self.tensors('buffers'), strict=True):
                if follower.is_floating_point():
                    follower.lerp_(source, 1 - momentum)
                else:  # a counter
                    follower.copy_(source)

    def tensors(self, kind: str) -> tuple[list[Tensor], list[Tensor]]:
        """Followers' and sources' 'parameters' or 'buffers', in the same order."""
        followers, sources = [], []
        for follower, source in self._pairs:
            named = dict(getattr(source, f'named_{kind}')())
            for name, tensor in getattr(follower, f'named_{kind}')():
                followers.append(tensor)
                sources.append(named[name])
        return followers, sources

    @torch.no_grad()
    def forward(self, images: Tensor, mask: PatchMask | None = None) -> Tensor:
        """Tokens of the visible patches, without a mask of all.

        Args:
            images: ``(B, 3, H, W)``.
            mask: Which patches the encoder sees.

        Returns:
            ``(B, 1 + n, D)``, [CLS] first.
        """
        return self.encoder.tokens(images, mask)
