from .base import MaskedImageModel
from .ccmim import CCMIM
from .cmae import CMAE
from .conditional_mae import ConditionalMAE
from .mae import MAE

__all__ = ['CCMIM', 'CMAE', 'MAE', 'ConditionalMAE', 'MaskedImageModel']
