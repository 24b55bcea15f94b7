from .hog import HOGTarget
from .pixel import PixelTarget

__all__ = ['HOGTarget', 'PixelTarget']
