"""Datasets and their transforms."""
from .image_folder import ImageFolder
from .score_maps import ScoreMaps
from .transforms import PatchShuffle, PixelShift, RandomPatchOcclusion, WithScores
from .worker_init import worker_init_fn

__all__ = [
    'ImageFolder', 'PatchShuffle', 'PixelShift', 'RandomPatchOcclusion', 'ScoreMaps', 'WithScores',
    'worker_init_fn']
