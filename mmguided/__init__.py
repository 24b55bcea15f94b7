"""Guided masked image modeling on OpenMMLab.

Importing the package registers all its parts, so ``custom_imports = dict(imports=['mmguided'])`` is
all that a config needs.
"""
from .utils.versions import check_requirements
from .version import __version__

check_requirements()

# Registering must follow the check: these import the toolboxes.
from . import datasets, engine, evaluation, models  # noqa: E402

__all__ = ['__version__', 'datasets', 'engine', 'evaluation', 'models']
