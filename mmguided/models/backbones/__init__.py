from .hybrid_vit import MaskedHybridViT
from .masked_convnext import MaskedConvNeXt
from .vit import MaskedViT

__all__ = ['MaskedConvNeXt', 'MaskedHybridViT', 'MaskedViT']
