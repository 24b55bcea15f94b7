from .hog import HOGTarget
from .momentum_encoder import MomentumEncoder
from .pixel import PixelTarget

__all__ = ['HOGTarget', 'MomentumEncoder', 'PixelTarget']
