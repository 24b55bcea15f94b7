"""Datasets and their transforms."""
from .image_folder import ImageFolder
from .transforms import PixelShift
from .worker_init import worker_init_fn

__all__ = ['ImageFolder', 'PixelShift', 'worker_init_fn']
