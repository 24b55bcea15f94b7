"""Image transforms."""
from .pixel_shift import PixelShift
from .with_scores import WithScores

__all__ = ['PixelShift', 'WithScores']
