"""Look-up of removed and renamed configs. This module will be removed in version 0.2."""
import re
from functools import cache
from pathlib import Path

from mmengine.fileio import load

from .errors import ConfigError


@cache
def renaming_rules() -> dict[str, str]:
    """Return a table that maps regular expressions of old paths to new paths with options."""
    return load(Path(__file__).with_suffix('.yml'))


def renamed(name: str) -> str | None:
    """Return the current path and options of a config that has been removed or renamed.

    Args:
        name: Path of a config, or its name in :func:`mmguided.list_models`.

    Returns:
        For example ``'configs/ccmim/vit-b_300e.py --cfg-options model.backbone.arch=small'``; None
        if the table does not contain the config.
    """
    old = re.sub(r'^.*(configs/|::)', '', name).removesuffix('.py')
    for pattern, new in renaming_rules().items():
        match = re.fullmatch(pattern, old) or re.fullmatch(pattern.replace('/', '_'), old)
        if match:
            path, *options = match.expand(new).split(' ', 1)
            return ' '.join([f'configs/{path}.py', *options])
    return None


def check_renamed(field: str, name: str) -> None:
    """Raise ConfigError with the new path if a config has been removed or renamed."""
    if new := renamed(name):
        raise ConfigError(f'{field}={name!r}: this config was renamed. Use {new}')
