"""Image transforms."""
from .load_image import LoadImage
from .load_video import LoadVideo
from .perturbations import PatchShuffle, RandomPatchOcclusion
from .pixel_shift import PixelShift
from .with_scores import WithScores

__all__ = [
    'LoadImage', 'LoadVideo', 'PatchShuffle', 'PixelShift', 'RandomPatchOcclusion', 'WithScores']
