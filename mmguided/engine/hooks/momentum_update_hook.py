"""Update of the momentum encoder."""
import torch
from mmengine.hooks import Hook

from mmguided.registry import HOOKS
from mmguided.utils.modules import unwrap_ddp


@HOOKS.register_module()
class MomentumUpdateHook(Hook):
    """Update the EMA weights of the model's ``momentum_encoder`` after each optimizer step.

    The update is a step hook of the optimizer. The EMA weights are therefore not updated in
    iterations that only accumulate gradients or in steps that the loss scaler skips. Models without
    a momentum encoder are unaffected.
    """

    def __init__(self) -> None:
        self._handle = None

    def before_train(self, runner) -> None:
        model = unwrap_ddp(runner.model)
        momentum_encoder = getattr(model, 'momentum_encoder', None)
        if momentum_encoder is None:
            return

        @torch.compiler.disable  # avoids recompilation for each momentum
        def update(optimizer, args, kwargs) -> None:
            momentum = momentum_encoder.momentum_at(model.clock)
            # A fused optimizer skips steps itself; the loss scaler sets this attribute.
            momentum_encoder.update(momentum, skip=getattr(optimizer, 'found_inf', None))
            runner.message_hub.update_scalar('train/ema_momentum', momentum)

        self._handle = runner.optim_wrapper.optimizer.register_step_post_hook(update)

    def after_train(self, runner) -> None:
        if self._handle is not None:
            self._handle.remove()
