from .base import MaskedImageModel, Reconstruction
from .ccmim import CCMIM
from .cmae import CMAE
from .mae import MAE

__all__ = ['CCMIM', 'CMAE', 'MAE', 'MaskedImageModel', 'Reconstruction']
