"""Read logged values from the device only at the log interval."""
from collections import defaultdict

import numpy as np
import torch
from mmengine.hooks import Hook, LoggerHook
from mmengine.hooks import RuntimeInfoHook as MMEngineRuntimeInfoHook
from mmengine.logging import HistoryBuffer
from torch import Tensor

from mmguided.registry import HOOKS
from mmguided.utils.modules import full_tensor


def log_interval(runner) -> int:
    """Interval of the ``LoggerHook``; 0 without one."""
    return next((hook.interval for hook in runner.hooks if isinstance(hook, LoggerHook)), 0)


def is_logged(hook: Hook, runner, batch_idx: int, interval: int) -> bool:
    """True if a ``LoggerHook`` with this interval may log the step. It counts the iterations of the
    run or of the epoch."""
    return (hook.every_n_train_iters(runner, interval)
            or hook.every_n_inner_iters(batch_idx, interval)
            or hook.end_of_epoch(runner.train_dataloader, batch_idx))


@HOOKS.register_module()
class RuntimeInfoHook(MMEngineRuntimeInfoHook):
    """MMEngine's RuntimeInfoHook without a synchronization with the device in each step.

    The hook also logs ``grad_norm``, the norm of the gradient in each logged step in which the
    optimizer steps. It is measured before clipping by norm, then in every step, and after clipping
    by value.

    Learning rates, outputs of the training steps and the norm of a clipped gradient stay on the
    device until the log is written, a checkpoint is saved, or the epoch ends. The hook then reads
    all values in one transfer and appends them to the log history together, because MMEngine copies
    the history at each update. The history equals that of MMEngine's hook. A hook that reads the
    history at another time must call :meth:`read` first.
    """

    def before_train(self, runner) -> None:
        super().before_train(runner)
        self._pending = defaultdict(list)
        self._log_interval = log_interval(runner)
        self._is_logged = False
        wrapper = runner.optim_wrapper
        if not wrapper.clip_grad_kwargs or wrapper.grad_name != 'grad_norm':
            wrapper.optimizer.register_step_pre_hook(self._measure_gradient)
        else:
            clip, record = wrapper.clip_func, self._record

            def clip_and_record(*args, **kwargs) -> None:
                """Return None because MMEngine would read a norm in each step."""
                record('grad_norm', full_tensor(clip(*args, **kwargs)))

            wrapper.clip_func = clip_and_record

    def _record(self, name: str, value: object) -> None:
        self._pending[f'train/{name}'].append(
            value.detach() if isinstance(value, Tensor) else value)

    def _measure_gradient(self, optimizer, args: tuple, kwargs: dict) -> None:
        if self._is_logged:
            norms = [parameter.grad.norm() for group in optimizer.param_groups
                     for parameter in group['params'] if parameter.grad is not None]
            norm = full_tensor(torch.stack(norms).norm())
            # A fused optimizer unscales the gradient itself; the loss scaler sets this attribute.
            scale = getattr(optimizer, 'grad_scale', None)
            self._record('grad_norm', norm if scale is None else norm / scale)

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:
        self._is_logged = is_logged(self, runner, batch_idx, self._log_interval)
        runner.message_hub.update_info('iter', runner.iter)
        for name, rates in runner.optim_wrapper.get_lr().items():
            self._record(name, rates[0])

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        for name, value in (outputs or {}).items():
            self._record(name, value)
        if self._is_logged:
            self.read(runner)

    def after_train_epoch(self, runner) -> None:
        self.read(runner)

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        if self._pending:
            self.read(runner)
            checkpoint['message_hub'] = runner.message_hub.state_dict()

    def read(self, runner) -> None:
        """Write all pending values into the log history."""
        hub = runner.message_hub
        tensors = [value for values in self._pending.values() for value in values
                   if isinstance(value, Tensor)]
        numbers = iter(torch.stack([tensor.to(tensors[0].device).reshape(()) for tensor in tensors])
                       .tolist() if tensors else ())
        for name, values in self._pending.items():
            first, *others = (
                next(numbers) if isinstance(value, Tensor) else value for value in values)
            hub.update_scalar(name, first)
            if others:
                history = hub.get_scalar(name)
                logged, counts = history.data
                hub.log_scalars[name] = HistoryBuffer(
                    np.append(logged, others)[-history.max_length:],
                    np.append(counts, [1] * len(others))[-history.max_length:],
                    history.max_length)
        self._pending.clear()
