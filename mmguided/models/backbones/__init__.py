from .dense_vit import DenseViT
from .hybrid_vit import MaskedHybridViT
from .masked_convnext import MaskedConvNeXt
from .masked_swin import MaskedSwin
from .vit import MaskedViT

__all__ = ['DenseViT', 'MaskedConvNeXt', 'MaskedHybridViT', 'MaskedSwin', 'MaskedViT']
