from .base import Encoder
from .dense_hybrid_vit import DenseHybridViT
from .dense_stages import DenseConvNeXt, DenseSwin
from .dense_vit import DenseViT
from .hybrid_vit import MaskedHybridViT
from .masked_convnext import MaskedConvNeXt
from .masked_swin import MaskedSwin
from .vit import MaskedViT

__all__ = [
    'DenseConvNeXt', 'DenseHybridViT', 'DenseSwin', 'DenseViT', 'Encoder', 'MaskedConvNeXt',
    'MaskedHybridViT', 'MaskedSwin', 'MaskedViT'
]
