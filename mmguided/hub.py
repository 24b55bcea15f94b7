"""Models by name."""
import copy
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from mmengine.config import Config
from mmengine.fileio import load

from .utils.configs import drop_scope, pretrained_settings, unset_num_classes
from .utils.errors import ConfigError
from .utils.names import nearest

if TYPE_CHECKING:
    from torch import nn


def list_models(pattern: str = '*') -> list[str]:
    """Names of the shipped configs that match a pattern, such as ``'*ccmim*'``."""
    return sorted(name for name in _configs() if fnmatch(name, pattern))


def get_model(name: str | Config, pretrained: str | None = None) -> 'nn.Module':
    """A model in evaluation mode.

    Args:
        name: One of :func:`list_models`, such as ``'ccmim_vit-b_800e'``, the path of a config, or a
            config that has been read.
        pretrained: Checkpoint to load strictly: into a model of pretraining, and into one that was
            trained on labels, all weights; into a k-NN classifier the encoder. Without it the
            weights are initialized.

    Raises:
        ConfigError: If there is no such model, its number of classes is that of a folder of data,
            or the checkpoint is not of it.
    """
    cfg = copy.deepcopy(name) if isinstance(name, Config) else _read(name)
    drop_scope(cfg)
    # Only here: list_models must not wait for torch.
    from mmengine.registry import MODELS, DefaultScope

    from .engine.runner import import_parts
    from .utils.checkpoints import load_model
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
            load_model(model, pretrained)
        else:
            model.init_weights()
    return model.eval()


def _read(name: str) -> Config:
    path = name if name.endswith('.py') else _configs().get(name)
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
