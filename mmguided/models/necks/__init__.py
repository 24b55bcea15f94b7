from .convnext_decoder import ConvNeXtDecoder
from .mae_decoder import MAEDecoder
from .shared_decoder import SharedDecoder
from .sync_bn import SyncBatchNorm

__all__ = ['ConvNeXtDecoder', 'MAEDecoder', 'SharedDecoder', 'SyncBatchNorm']
