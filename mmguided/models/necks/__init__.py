from .base import Decoder
from .convnext_decoder import ConvNeXtDecoder
from .mae_decoder import MAEDecoder
from .simple_feature_pyramid import SimpleFeaturePyramid

__all__ = ['ConvNeXtDecoder', 'Decoder', 'MAEDecoder', 'SimpleFeaturePyramid']
