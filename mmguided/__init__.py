"""Guided masked image modeling on OpenMMLab.

A config needs only ``custom_imports = dict(imports=['mmguided'])``. This import creates the
registries. Each registry imports its modules when it builds its first object.
"""
from collections.abc import Callable
from importlib import import_module
from types import ModuleType

from .utils.versions import check_requirements
from .version import __version__

check_requirements()

# Imported after the check because it needs mmengine.
from . import registry  # noqa: E402

_SUBPACKAGES = ('analysis', 'cli', 'datasets', 'engine', 'evaluation', 'models', 'ops',
                'structures', 'visualization')

#: Public functions and their modules.
_FUNCTIONS = {'get_model': 'hub', 'inspect': 'analysis.inspection', 'list_models': 'hub'}

__all__ = ['__version__', 'registry', *_SUBPACKAGES, *_FUNCTIONS]


def __getattr__(name: str) -> ModuleType | Callable:
    """Import a sub-package at its first use, because importing torch and the toolboxes takes
    seconds."""
    if name in _SUBPACKAGES:
        return import_module(f'{__name__}.{name}')
    if name in _FUNCTIONS:
        return getattr(import_module(f'{__name__}.{_FUNCTIONS[name]}'), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
