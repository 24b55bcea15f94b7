"""Models by name."""
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

from .utils.configs import drop_scope, pretrained_settings, unset_num_classes
from .utils.errors import ConfigError
from .utils.names import nearest
from .utils.renamed_configs import check_renamed

if TYPE_CHECKING:
    from torch import nn


def list_models(pattern: str = '*') -> list[str]:
    """Names of the shipped configs that match a pattern, such as ``'*ccmim*'``."""
    return sorted(name for name in _configs() if fnmatch(name, pattern))


def get_model(name: str | os.PathLike | Config, pretrained: str | None = None) -> 'nn.Module':
    """A model in evaluation mode.

    Configs are code: one that is read is executed, one within a checkpoint too. Open those that you
    trust.

    Args:
        name: One of :func:`list_models`, such as ``'ccmim_vit-b_800e'``; the path of a config; a
            config that has been read; or the path of a checkpoint that our training has saved,
            which holds its config, and is loaded strictly.
        pretrained: Checkpoint to load strictly: into a model of pretraining, and into one that was
            trained on labels, all weights; into a k-NN classifier the encoder. Without it the
            weights are initialized.

    Returns:
        The model. With a checkpoint, what changes over a run, such as guidance that begins later,
        is as it was when it was saved.

    Raises:
        ConfigError: If there is no such model, its number of classes is that of a folder of data,
            or the checkpoint is not of it or without a config.
    """
    checkpoint = None
    if isinstance(name, Config):
        cfg = copy.deepcopy(name)
    elif _is_checkpoint(name := os.fspath(name)):
        if pretrained:
            raise ConfigError(f'name={name!r} is a checkpoint, which brings its weights: leave out '
                              f'pretrained={pretrained!r}, or give the name of a config')
        cfg, checkpoint = _read_checkpoint(name)
        pretrained = name
    else:
        cfg = read_config(name)
    drop_scope(cfg)
    # Only here: list_models must not wait for torch.
    from mmengine.registry import MODELS, DefaultScope

    from .utils.checkpoints import load_checkpoint, load_weights, weights_of
    from .utils.toolboxes import import_parts
    import_parts(cfg)
    backbone = cfg.model.get('backbone') or {}
    settings = pretrained_settings(backbone.get('init_cfg'))
    if settings and (pretrained or not settings.get('checkpoint')):
        backbone.init_cfg = None  # the checkpoint holds the encoder, or there is none
    if cfg.get('data_preprocessor'):  # as Runner does; a teacher reads it
        cfg.model.setdefault('data_preprocessor', cfg.data_preprocessor)
    for field in unset_num_classes(cfg.model):
        raise ConfigError(f'name={cfg.filename!r}: {field}.num_classes is that of the training '
                          'data; give the path of the config that training has saved in its work '
                          'dir')
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmengine')):
        model = MODELS.build(cfg.model)
        if pretrained:
            checkpoint = checkpoint or load_checkpoint(
                pretrained, 'pretrained', 'name a checkpoint')
            load_weights(model, weights_of(checkpoint), pretrained)
            _set_length(model, cfg.get('train_cfg') or {}, checkpoint.get('meta') or {})
        else:
            with _without_info():
                model.init_weights()
    return model.eval()


@contextmanager
def _without_info() -> Iterator[None]:
    """MMEngine prints three lines about the initialization of each parameter."""
    from mmengine.logging import MMLogger
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def _set_length(model: 'nn.Module', train_cfg: dict, meta: dict) -> None:
    """Tell the clock of a model, which has the time of its checkpoint, how long the run is."""
    clock = getattr(model, 'clock', None)
    if clock is None:
        return
    max_epochs = train_cfg.get('max_epochs')
    if max_epochs is None and meta.get('iter', 0) > 1:  # the clock was set before the last step
        max_epochs = clock.epoch * train_cfg.get('max_iters', 0) / (meta['iter'] - 1)
    clock.set(clock.epoch, max_epochs or None)


def _is_checkpoint(name: str) -> bool:
    return name.endswith(('.pth', '.pt')) or not name.endswith('.py') and Path(name).is_file()


def _read_checkpoint(path: str) -> tuple[Config, dict]:
    """The config within a checkpoint, and all that it holds."""
    from .utils.checkpoints import load_checkpoint
    checkpoint = load_checkpoint(path, 'name', 'name a checkpoint')
    text = (checkpoint.get('meta') or {}).get('cfg')
    remedy = f"give the config's name or path, and pretrained={path!r}"
    if not isinstance(text, str):
        raise ConfigError(f'name={path!r}: this checkpoint holds no config; {remedy}')
    try:
        return Config.fromstring(text, '.py'), checkpoint
    except (ImportError, SyntaxError) as error:
        reason = str(error).partition(', the current sys.path')[0]
        raise ConfigError(f'name={path!r}: the config within cannot be read ({reason}); {remedy}'
                          ) from error


def read_config(name: str) -> Config:
    """The config of a name, or of a path; ConfigError if there is no such name."""
    path = name if name.endswith('.py') else _configs().get(name)
    if path is None or not Path(path).is_file():
        check_renamed('name', name)
    if path is None:
        raise ConfigError(f'name={name!r}: there is no such model'
                          + (nearest(name, _configs()) or '; see mmguided.list_models()'))
    return Config.fromfile(path)


def _configs() -> dict[str, str]:
    """Name -> path of every config of the index, which an installed package has in ``.mim``."""
    package = Path(__file__).parent
    root = package / '.mim' if (package / '.mim').is_dir() else package.parent
    metafiles = [load(root / path) for path in load(root / 'model-index.yml')['Import']]
    return {model['Name']: str(root / model['Config'])
            for metafile in metafiles for model in metafile['Models']}
