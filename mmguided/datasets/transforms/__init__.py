"""Image transforms."""
from .pixel_shift import PixelShift

__all__ = ['PixelShift']
