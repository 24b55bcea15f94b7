"""Datasets and their transforms."""
from .davis import DAVIS2017
from .fingerprint import fingerprint
from .image_folder import ImageFolder
from .score_maps import ScoreMaps
from .transforms import (
    LoadImage,
    LoadVideo,
    PatchShuffle,
    PixelShift,
    RandomPatchOcclusion,
    WithScores,
)
from .whole_images import loading_transforms, whole_image_pipeline
from .worker_init import worker_init_fn

__all__ = [
    'DAVIS2017', 'ImageFolder', 'LoadImage', 'LoadVideo', 'PatchShuffle', 'PixelShift',
    'RandomPatchOcclusion', 'ScoreMaps', 'WithScores', 'fingerprint',
    'loading_transforms', 'whole_image_pipeline', 'worker_init_fn'
]
