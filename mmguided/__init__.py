"""Guided masked image modeling on OpenMMLab.

``custom_imports = dict(imports=['mmguided'])`` is all that a config needs: the registries are known
from then on, and each imports its parts when the first of them is asked for.
"""
from collections.abc import Callable
from importlib import import_module
from types import ModuleType

from .utils.versions import check_requirements
from .version import __version__

check_requirements()

# Behind the check: it needs mmengine.
from . import registry  # noqa: E402

_SUBPACKAGES = ('analysis', 'cli', 'datasets', 'engine', 'evaluation', 'models', 'ops',
                'structures', 'visualization')

#: Function -> module that defines it.
_FUNCTIONS = {'get_model': 'hub', 'inspect': 'analysis.inspection', 'list_models': 'hub'}

__all__ = ['__version__', 'registry', *_SUBPACKAGES, *_FUNCTIONS]


def __getattr__(name: str) -> ModuleType | Callable:
    """Import a sub-package when it is first used: torch and the toolboxes take seconds."""
    if name in _SUBPACKAGES:
        return import_module(f'{__name__}.{name}')
    if name in _FUNCTIONS:
        return getattr(import_module(f'{__name__}.{_FUNCTIONS[name]}'), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
