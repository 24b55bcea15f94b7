from .mae_decoder import MAEDecoder
from .sync_bn import SyncBatchNorm

__all__ = ['MAEDecoder', 'SyncBatchNorm']
