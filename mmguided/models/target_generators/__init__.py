from .base import TargetGenerator
from .feature import FeatureTarget
from .hog import HOGTarget
from .pixel import PixelTarget

__all__ = ['FeatureTarget', 'HOGTarget', 'PixelTarget', 'TargetGenerator']
