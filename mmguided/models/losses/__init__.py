"""Loss functions, used by the registered heads."""
from .contrast import info_nce, negative_cosine
from .reconstruction import masked_mean, patch_errors

__all__ = ['info_nce', 'masked_mean', 'negative_cosine', 'patch_errors']
