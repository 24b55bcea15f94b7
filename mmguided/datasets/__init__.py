"""Datasets and their transforms."""
from . import transforms  # noqa: F401
from .image_folder import ImageFolder
from .worker_init import worker_init_fn

__all__ = ['ImageFolder', 'worker_init_fn']
