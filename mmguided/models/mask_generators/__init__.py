from .generator import GuidanceSchedule, MaskGenerator
from .guidance import ClsAttention
from .patch_mask import PatchMask, num_kept
from .sampling import (
                       BlockwiseSampling,
                       GridBlockSampling,
                       ImportanceSampling,
                       RandomSampling,
                       Sampling,
                       TopKSampling,
)
from .shots import MultiShotMaskGenerator

__all__ = [
    'BlockwiseSampling', 'ClsAttention', 'GridBlockSampling', 'GuidanceSchedule',
    'ImportanceSampling', 'MaskGenerator', 'MultiShotMaskGenerator', 'PatchMask',
    'RandomSampling', 'Sampling', 'TopKSampling', 'num_kept'
]
