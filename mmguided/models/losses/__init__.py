"""Loss functions, used by the registered heads."""
from .contrast import info_nce, negative_cosine
from .reconstruction import masked_mean

__all__ = ['info_nce', 'masked_mean', 'negative_cosine']
