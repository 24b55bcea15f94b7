from .convnext_decoder import ConvNeXtDecoder
from .linear_decoder import LinearDecoder
from .mae_decoder import MAEDecoder
from .shared_decoder import SharedDecoder
from .simple_feature_pyramid import SimpleFeaturePyramid
from .sync_bn import SyncBatchNorm

__all__ = [
    'ConvNeXtDecoder', 'LinearDecoder', 'MAEDecoder', 'SharedDecoder', 'SimpleFeaturePyramid',
    'SyncBatchNorm'
]
