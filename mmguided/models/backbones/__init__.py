from .hybrid_vit import MaskedHybridViT
from .vit import MaskedViT

__all__ = ['MaskedHybridViT', 'MaskedViT']
