"""Moves the momentum encoder after each optimizer step."""
import torch
from mmengine.hooks import Hook

from mmguided.registry import HOOKS
from mmguided.utils.modules import unwrap_ddp


@HOOKS.register_module()
class MomentumUpdateHook(Hook):
    """Updates the model's ``momentum_encoder`` after each step that the optimizer really takes.

    It hangs on the optimizer itself: iterations that only accumulate gradients, and steps that
    the loss scaler skips, do not move the average. Models without one are left alone.
    """

    def __init__(self) -> None:
        self._handle = None

    def before_train(self, runner) -> None:
        model = unwrap_ddp(runner.model)
        momentum_encoder = getattr(model, 'momentum_encoder', None)
        if momentum_encoder is None:
            return

        @torch.compiler.disable  # it would compile anew for each momentum
        def update(optimizer, args, kwargs) -> None:
            # The loss scaler lets a fused optimizer do the skipping, and tells it here.
            found_inf = getattr(optimizer, 'found_inf', None)
            if found_inf is not None and found_inf.item():
                return
            momentum = momentum_encoder.momentum_at(model.clock)
            momentum_encoder.update(momentum)
            runner.message_hub.update_scalar('train/ema_momentum', momentum)

        self._handle = runner.optim_wrapper.optimizer.register_step_post_hook(update)

    def after_train(self, runner) -> None:
        if self._handle is not None:
            self._handle.remove()
