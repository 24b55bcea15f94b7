"""Checkpoints that ``torch.load`` reads without trusting them."""
import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.logging import HistoryBuffer
from mmengine.utils import apply_to

from mmguided.registry import HOOKS


@HOOKS.register_module()
class PlainCheckpointHook(Hook):
    """Saves checkpoints of tensors and plain types alone, as ``torch.load(weights_only=True)``,
    the default of PyTorch, and mmpretrain's ``publish_model`` want them.

    MMEngine saves the history of the log as objects of its own, and numbers of NumPy. Here the
    former become tensors, and objects again when a checkpoint is loaded; the latter plain numbers.
    """

    priority = 'LOWEST'  # after hooks that add to the message hub

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Turns them into tensors and plain numbers."""
        scalars = checkpoint['message_hub']['log_scalars']
        for name, history in scalars.items():
            values, counts = history.data
            scalars[name] = dict(values=torch.from_numpy(values), counts=torch.from_numpy(counts),
                                 max_length=history.max_length)
        for part in ('meta', 'message_hub'):
            checkpoint[part] = apply_to(
                checkpoint[part], lambda value: isinstance(value, np.generic), np.generic.item)

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Turns them back; those of a checkpoint made without this hook are left alone."""
        scalars = checkpoint.get('message_hub', {}).get('log_scalars', {})
        for name, history in scalars.items():
            if isinstance(history, dict):
                scalars[name] = HistoryBuffer(
                    history['values'].cpu().numpy(), history['counts'].cpu().numpy(),
                    history['max_length'])
