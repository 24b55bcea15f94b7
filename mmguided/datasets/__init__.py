"""Datasets and their transforms."""
from .davis import DAVIS2017
from .fingerprint import fingerprint
from .folder_maps import FolderMaps
from .hugging_face import HuggingFaceImages, RowBackend
from .image_folder import ImageFolder
from .score_maps import ScoreMaps
from .seeded_batches import ResumedIterator, SeededBatches
from .shards import ShardBackend
from .transforms import (
    ColorJitter,
    GaussianBlur,
    LoadImage,
    LoadRaster,
    LoadVideo,
    PatchShuffle,
    PixelShift,
    RandomPatchOcclusion,
    RandomResizedCrop,
    Resize,
    ResizeEdge,
    WithScores,
)
from .whole_images import loading_transforms, whole_image_pipeline

__all__ = [
    'ColorJitter', 'DAVIS2017', 'FolderMaps', 'GaussianBlur', 'HuggingFaceImages', 'ImageFolder',
    'LoadImage', 'LoadRaster', 'LoadVideo', 'PatchShuffle', 'PixelShift', 'RandomPatchOcclusion',
    'RandomResizedCrop', 'Resize', 'ResizeEdge', 'ResumedIterator', 'RowBackend', 'ScoreMaps',
    'SeededBatches', 'ShardBackend', 'WithScores', 'fingerprint', 'loading_transforms',
    'whole_image_pipeline'
]
