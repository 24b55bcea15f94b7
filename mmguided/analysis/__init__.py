"""What a model does with images, as data."""
from .objects import ObjectShare, object_share
from .reconstruction import Reconstruction, reconstruct

__all__ = ['ObjectShare', 'Reconstruction', 'object_share', 'reconstruct']
