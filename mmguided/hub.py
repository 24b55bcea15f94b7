"""Model hub: list and build models by name."""
import copy
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from mmengine.config import Config
from mmengine.fileio import load

from .utils import configs
from .utils.configs import (
    check_data_preprocessor,
    drop_scope,
    parse_config,
    pretrained_settings,
    unset_num_classes,
)
from .utils.errors import MODEL_SOURCES, ConfigError, did_you_mean
from .utils.renamed_configs import check_renamed

if TYPE_CHECKING:
    import torch
    from torch import nn


_SCOPE = 'mmguided::'
#: File extensions of configs.
CONFIG_FILES = ('.py', '.json', '.yml', '.yaml')


def list_models(pattern: str = '*') -> list[str]:
    """Names of the shipped configs that match a pattern, such as ``'*ccmim*'``."""
    return sorted(name for name in _models() if fnmatch(name, pattern))


def get_model(name: str | os.PathLike | Config, pretrained: str | bool | None = None,
              device: 'str | torch.device' = 'cpu') -> 'nn.Module':
    """Build a model in eval mode.

    A config file is code that is run. A checkpoint is data: its config may only use known classes,
    see :func:`mmguided.utils.toolboxes.import_safe_parts`.

    Args:
        name: Name from :func:`list_models`, such as ``'ccmim_vit-b_800e'``; a config, its path, or
            ``'mmguided::ccmim/vit-b_800e.py'``; or the path of a checkpoint saved by our training,
            which contains its config and is loaded strictly. The folder of a model of timm or
            transformers, ``'hf-hub:OWNER/NAME'`` and ``'timm:NAME'`` are read like checkpoints, see
            :mod:`mmguided.utils.exchange`.
        pretrained: Checkpoint to load strictly: all weights, or the encoder of a k-NN classifier.
            True loads the published weights of the config (``Weights`` in its ``metafile.yml``). If
            None or False, the weights are initialized.
        device: Device of the model.

    Returns:
        The model; its config is ``model.cfg``. If a checkpoint is loaded, the clock and schedules
        have the saved state.

    Raises:
        ConfigError: If the name is unknown or has no published weights, the number of classes
            depends on the data, or the checkpoint belongs to another model or contains no config.
    """
    checkpoint = None
    if isinstance(name, Config):
        cfg = copy.deepcopy(name)
    elif is_checkpoint(name := os.fspath(name)):
        if pretrained:
            raise ConfigError(f'name={name!r}: a checkpoint already has its weights. Leave out '
                              f'pretrained={pretrained!r}, or give the name of a config.')
        cfg, checkpoint = _read_safe_config(name)
        pretrained = name
    else:
        cfg = read_config(name)
    if pretrained is True:
        pretrained = _models().get(name, {}).get('Weights')
        if not pretrained:
            raise ConfigError('pretrained=True: no weights are published for '
                              f'{getattr(name, "filename", name)!r}. Give the path of a '
                              'checkpoint.')
    drop_scope(cfg)
    # Imported late because list_models must not wait for torch.
    from mmengine.registry import MODELS, DefaultScope

    from .utils.checkpoints import load_checkpoint, load_weights, weights_of
    from .utils.error_messages import explain_config_errors
    from .utils.toolboxes import import_parts
    import_parts(cfg)
    backbone = cfg.model.get('backbone') or {}
    settings = pretrained_settings(backbone.get('init_cfg'))
    if settings and (pretrained or not settings.get('checkpoint')):
        backbone.init_cfg = None  # `pretrained` contains the encoder, or no checkpoint is set
    if checkpoint is None:
        check_data_preprocessor(cfg)
    if cfg.get('data_preprocessor'):  # copied as in Runner, because a teacher reads it
        cfg.model.setdefault('data_preprocessor', cfg.data_preprocessor)
    for field in unset_num_classes(cfg.model):
        raise ConfigError(f'{field}.num_classes=None in {cfg.filename!r}: the value depends on '
                          'the training data. Give the config that is saved in the work dir.')
    with explain_config_errors(cfg), \
            DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmengine')):
        model = MODELS.build(cfg.model)
        if pretrained:
            checkpoint = checkpoint or load_checkpoint(
                pretrained, 'pretrained', 'Give the path of a checkpoint.')
            load_weights(model, weights_of(checkpoint), pretrained)
            _set_run_length(model, cfg.get('train_cfg') or {}, checkpoint.get('meta') or {})
        else:
            with _without_info():
                model.init_weights()
    model.cfg = cfg
    return model.to(device).eval()


@contextmanager
def _without_info() -> Iterator[None]:
    """Silence the three lines that MMEngine logs about the initialization of each parameter."""
    from mmengine.logging import MMLogger
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def _set_run_length(model: 'nn.Module', train_cfg: dict, meta: dict) -> None:
    """Set the run length of a model's clock; the checkpoint has set the elapsed time."""
    clock = getattr(model, 'clock', None)
    if clock is None:
        return
    max_epochs = train_cfg.get('max_epochs')
    if max_epochs is None and meta.get('iter', 0) > 1:  # the clock was set before the last step
        max_epochs = clock.epoch * train_cfg.get('max_iters', 0) / (meta['iter'] - 1)
    clock.set(clock.epoch, max_epochs or None)


def is_checkpoint(name: str) -> bool:
    """Return True for the path of a checkpoint, False for the name or path of a config."""
    return name.startswith(MODEL_SOURCES) or name.endswith(('.pth', '.pt', '.safetensors')) or (
        not name.endswith(CONFIG_FILES) and (
            Path(name).is_file() or Path(name, 'config.json').is_file()))


def _read_checkpoint(path: str, field: str = 'name', remedy: str = '') -> tuple[Config, dict]:
    """Load a checkpoint and the config in it, which is data and not code."""
    from .utils.checkpoints import load_checkpoint
    checkpoint = load_checkpoint(path, field, 'Give the path of a checkpoint.')
    text = (checkpoint.get('meta') or {}).get('cfg')
    remedy = remedy or f'Give the name or path of its config, and pretrained={path!r}.'
    if not isinstance(text, str):
        raise ConfigError(f'{field}={path!r}: this checkpoint contains no config. {remedy}')
    try:
        return parse_config(text), checkpoint
    except (SyntaxError, ValueError) as error:
        raise ConfigError(f'{field}={path!r}: the config in this checkpoint cannot be read '
                          f'({error}). {remedy}') from error


def _read_safe_config(path: str) -> tuple[Config, dict]:
    """Run :func:`_read_checkpoint`, and check that a model of the config runs no foreign code."""
    from .utils.toolboxes import import_safe_parts
    cfg, checkpoint = _read_checkpoint(path)
    import_safe_parts(cfg, path)
    if not isinstance(cfg.get('model'), dict):
        raise ConfigError(f'name={path!r}: the config in this checkpoint has no model. Give the '
                          f'name or path of its config, and pretrained={path!r}.')
    return cfg, checkpoint


def checkpoint_config(path: str, field: str, remedy: str) -> Config:
    """Read the config in a checkpoint.

    Args:
        path: Checkpoint saved by our training.
        field: Field or argument for errors.
        remedy: Remedy if the checkpoint contains no config.
    """
    return _read_checkpoint(path, field, remedy)[0]


def read_config(name: str) -> Config:
    """Read a config by its name or path, or from a checkpoint that contains it."""
    if is_checkpoint(name):
        return _read_safe_config(name)[0]
    path = config_path(name)
    if not path.endswith(CONFIG_FILES):
        check_renamed('name', name)
        raise ConfigError(f'name={name!r}: no such model{did_you_mean(name, _models())} See '
                          'mmguided.list_models().')
    return configs.read_config(path, 'name')


def config_path(name: str) -> str:
    """Path of a config that is given as ``mmguided::METHOD/FILE.py``, as a name from
    :func:`list_models` or as a path, whose ``~`` is expanded."""
    if name.startswith(_SCOPE):
        return str(_root() / 'configs' / name.removeprefix(_SCOPE))
    if name.endswith(CONFIG_FILES) or os.path.sep in name:
        return os.path.expanduser(name)
    model = _models().get(name)
    return str(_root() / model['Config']) if model else name


def _root() -> Path:
    """Folder of the configs; ``.mim`` in an installed package."""
    package = Path(__file__).parent
    return package / '.mim' if (package / '.mim').is_dir() else package.parent


def _models() -> dict[str, dict]:
    """Map config names to their entries in the metafiles."""
    root = _root()
    metafiles = [load(root / path) for path in load(root / 'model-index.yml')['Import']]
    return {model['Name']: model for metafile in metafiles for model in metafile['Models']}
