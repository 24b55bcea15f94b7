"""Image transforms."""
from .color import ColorJitter, GaussianBlur
from .load_image import LoadImage
from .load_raster import LoadRaster
from .load_video import LoadVideo
from .perturbations import PatchShuffle, RandomPatchOcclusion
from .pixel_shift import PixelShift
from .random_resized_crop import RandomResizedCrop
from .resize import Resize, ResizeEdge
from .with_scores import WithScores

__all__ = [
    'ColorJitter', 'GaussianBlur', 'LoadImage', 'LoadRaster', 'LoadVideo', 'PatchShuffle',
    'PixelShift', 'RandomPatchOcclusion', 'RandomResizedCrop', 'Resize', 'ResizeEdge',
    'WithScores']
