"""What several models share."""
import os
from collections.abc import Mapping

from mmengine.logging import MMLogger
from mmengine.runner import CheckpointLoader
from torch import nn

from mmguided.utils.checkpoints import check_backbone
from mmguided.utils.errors import ConfigError


def init_transformer_weights(module: nn.Module) -> None:
    """MAE's initialisation: Xavier uniform for linear layers, zero biases, unit norms."""
    for m in module.modules():
        if isinstance(m, nn.Linear):
            nn.init.xavier_uniform_(m.weight)
            if m.bias is not None:
                nn.init.zeros_(m.bias)
        elif isinstance(m, nn.LayerNorm):
            nn.init.ones_(m.weight)
            nn.init.zeros_(m.bias)


def read_checkpoint(checkpoint: str) -> Mapping:
    """Weights of the checkpoint that ``backbone.init_cfg`` names.

    Raises:
        ConfigError: If it names none or there is no such file.
    """
    if not checkpoint:
        raise ConfigError('backbone.init_cfg.checkpoint is empty: name a checkpoint, with '
                          '--cfg-options model.backbone.init_cfg.checkpoint=PATH')
    if '://' not in checkpoint and not os.path.isfile(checkpoint):
        raise ConfigError(f"backbone.init_cfg.checkpoint='{checkpoint}': no such file")
    loaded = CheckpointLoader.load_checkpoint(checkpoint, map_location='cpu')
    return loaded.get('state_dict', loaded.get('model', loaded))


def load_encoder(encoder: nn.Module, checkpoint: str, prefix: str = '') -> None:
    """Load an encoder's weights strictly; a position embedding of another grid is resized.

    An encoder for fine-tuning (``final_norm=False, out_type='avg_featmap'``) has a new norm behind
    the average, which keeps its initial values, in place of the checkpoint's final norm.

    Args:
        encoder: Module to fill.
        checkpoint: Path or URL of a checkpoint.
        prefix: What stands before the encoder's names in the checkpoint, such as 'backbone.'.

    Raises:
        ConfigError: If there is no such file, or if it lacks or contradicts a weight.
    """
    state = read_checkpoint(checkpoint)
    ours = {prefix + k: v for k, v in encoder.state_dict().items()}
    state = _replace_final_norm(ours, state, prefix)
    check_backbone(ours, state, prefix)
    encoder.load_state_dict(
        {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)})
    MMLogger.get_current_instance().info(f'Every key of the encoder is loaded from {checkpoint}')


def _replace_final_norm(ours: Mapping, state: Mapping, prefix: str) -> Mapping:
    """The checkpoint's weights, with our untrained ``ln2`` where it has the final norm ``ln1``.

    MAE's fine-tuning drops the final norm, averages the patches and applies a new norm to the
    average: no other difference between an encoder and its checkpoint is legitimate.
    """
    final, new = f'{prefix}ln1.', f'{prefix}ln2.'
    if f'{new}weight' not in ours or f'{final}weight' in ours or f'{new}weight' in state:
        return state
    kept = {k: v for k, v in state.items() if not k.startswith(final)}
    return kept | {k: v for k, v in ours.items() if k.startswith(new)}
