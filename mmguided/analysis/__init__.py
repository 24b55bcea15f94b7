"""What a model does with images, as data."""
from .reconstruction import Reconstruction, reconstruct

__all__ = ['Reconstruction', 'reconstruct']
