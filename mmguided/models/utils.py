"""What several models share."""
import os
from collections.abc import Mapping
from pickle import UnpicklingError

from mmengine.logging import MMLogger
from mmengine.runner import CheckpointLoader
from torch import nn

from mmguided.utils.checkpoints import check_backbone
from mmguided.utils.errors import ConfigError, check_file

_NAME_ONE = 'name a checkpoint, with --cfg-options model.backbone.init_cfg.checkpoint=PATH'


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


def read_checkpoint(settings: Mapping) -> tuple[Mapping, str]:
    """Weights of the checkpoint that ``backbone.init_cfg`` names, and what stands before the
    encoder's names in it.

    Args:
        settings: Result of :func:`mmguided.utils.checkpoints.pretrained_settings`.

    Raises:
        ConfigError: If it names none, or no file of weights that torch can read.
    """
    field, path = 'backbone.init_cfg.checkpoint', settings.get('checkpoint')
    if not path:
        raise ConfigError(f'{field} is empty: {_NAME_ONE}')
    check_file(field, path, _NAME_ONE)
    try:
        loaded = CheckpointLoader.load_checkpoint(os.path.expanduser(path), map_location='cpu')
    except (RuntimeError, UnpicklingError, EOFError, KeyError) as error:
        raise ConfigError(f'{field}={path!r} cannot be read as a checkpoint '
                          f'({type(error).__name__}: {error}): is the file whole? If it is, '
                          f'{_NAME_ONE}') from error
    state = loaded
    if isinstance(loaded, Mapping):
        state = loaded.get('state_dict', loaded.get('model', loaded))
    if not isinstance(state, Mapping):
        raise ConfigError(f'{field}={path!r} holds a {type(state).__name__}, not weights by name: '
                          f'{_NAME_ONE}')
    return state, settings.get('prefix', '')


def load_encoder(encoder: nn.Module, settings: Mapping) -> None:
    """Load an encoder's weights strictly; a position embedding of another grid is resized.

    An encoder with ``final_norm=False`` leaves the checkpoint's final norm out, and one for
    fine-tuning (``out_type='avg_featmap'``) has a new norm behind the average, which keeps its
    initial values: no other difference is legitimate.

    Args:
        encoder: Module to fill.
        settings: Result of :func:`mmguided.utils.checkpoints.pretrained_settings`.

    Raises:
        ConfigError: If there is no such file, or if it lacks or contradicts a weight.
    """
    state, prefix = read_checkpoint(settings)
    ours = {prefix + k: v for k, v in encoder.state_dict().items()}
    final, new = f'{prefix}ln1.', f'{prefix}ln2.'
    notes = ''
    if f'{final}weight' not in ours:
        notes = ', but for the final norm, which this encoder does not have'
        state = {k: v for k, v in state.items() if not k.startswith(final)}
        if f'{new}weight' not in state:
            state |= {k: v for k, v in ours.items() if k.startswith(new)}
    check_backbone(ours, state, prefix)
    encoder.load_state_dict(
        {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)})
    MMLogger.get_current_instance().info(
        f'Every key of the encoder is loaded from {settings["checkpoint"]}{notes}')
