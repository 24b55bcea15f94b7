"""Losses as plain functions; the registered modules that use them are the heads."""
from .contrast import info_nce, negative_cosine
from .reconstruction import masked_mse

__all__ = ['info_nce', 'masked_mse', 'negative_cosine']
