from .base import MaskedImageModel
from .ccmim import CCMIM
from .cmae import CMAE
from .cmt_mae import CMTMAE
from .conditional_mae import ConditionalMAE
from .mae import MAE

__all__ = ['CCMIM', 'CMAE', 'CMTMAE', 'MAE', 'ConditionalMAE', 'MaskedImageModel']
