"""Image transforms."""
from .perturbations import PatchShuffle, RandomPatchOcclusion
from .pixel_shift import PixelShift
from .with_scores import WithScores

__all__ = ['PatchShuffle', 'PixelShift', 'RandomPatchOcclusion', 'WithScores']
