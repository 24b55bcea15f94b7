"""Checkpoints of tensors and plain types."""
import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.logging import HistoryBuffer
from mmengine.utils import apply_to

from mmguided.registry import HOOKS
from mmguided.utils.checkpoints import rename_weights


@HOOKS.register_module()
class PlainCheckpointHook(Hook):
    """Save checkpoints that contain only tensors and plain types.

    ``torch.load(weights_only=True)``, the default of PyTorch, and mmpretrain's ``publish_model``
    require such checkpoints. MMEngine saves the log history as ``HistoryBuffer`` objects with NumPy
    numbers. This hook saves it as tensors and plain numbers and restores the objects on loading.

    It also removes ``module.`` from the names of weights, which MMEngine's DDPStrategy adds.
    """

    priority = 'LOWEST'  # after hooks that write to the message hub

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Convert the log history to tensors and plain numbers, and rename weights."""
        checkpoint['state_dict'] = rename_weights(
            checkpoint['state_dict'], lambda name: name.removeprefix('module.'))
        scalars = checkpoint['message_hub']['log_scalars']
        for name, history in scalars.items():
            values, counts = history.data
            scalars[name] = dict(values=torch.from_numpy(values), counts=torch.from_numpy(counts),
                                 max_length=history.max_length)
        for part in ('meta', 'message_hub'):
            checkpoint[part] = apply_to(
                checkpoint[part], lambda value: isinstance(value, np.generic), np.generic.item)

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Restore the log history, unless the checkpoint was saved without this hook."""
        scalars = checkpoint.get('message_hub', {}).get('log_scalars', {})
        for name, history in scalars.items():
            if isinstance(history, dict):
                scalars[name] = HistoryBuffer(
                    history['values'].cpu().numpy(), history['counts'].cpu().numpy(),
                    history['max_length'])
