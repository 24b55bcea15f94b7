from .generator import GuidanceSchedule, MaskGenerator
from .guidance import ClsAttention
from .patch_mask import PatchMask, num_kept
from .sampling import BlockwiseSampling, ImportanceSampling, RandomSampling, Sampling, TopKSampling

__all__ = [
    'BlockwiseSampling', 'ClsAttention', 'GuidanceSchedule', 'ImportanceSampling', 'MaskGenerator',
    'PatchMask', 'RandomSampling', 'Sampling', 'TopKSampling', 'num_kept'
]
