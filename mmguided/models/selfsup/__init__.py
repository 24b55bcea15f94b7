from .base import MaskedImageModel, Reconstruction
from .ccmim import CCMIM
from .mae import MAE

__all__ = ['CCMIM', 'MAE', 'MaskedImageModel', 'Reconstruction']
