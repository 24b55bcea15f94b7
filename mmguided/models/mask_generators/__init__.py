from .generator import GuidanceSchedule, MaskGenerator
from .guidance import ClsAttention, Guidance
from .sampling import (
    BlockwiseSampling,
    GridBlockSampling,
    ImportanceSampling,
    RandomSampling,
    Sampling,
    TopKSampling,
)

__all__ = [
    'BlockwiseSampling', 'ClsAttention', 'GridBlockSampling', 'Guidance', 'GuidanceSchedule',
    'ImportanceSampling', 'MaskGenerator', 'RandomSampling', 'Sampling', 'TopKSampling'
]
