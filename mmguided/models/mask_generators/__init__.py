from .generator import GuidanceSchedule, MaskGenerator
from .guidance import Blend, ClsAttention, Guidance, NcutRelevance
from .sampling import (
    BlockwiseSampling,
    GridBlockSampling,
    HintSampling,
    ImportanceSampling,
    ProportionalSampling,
    RandomSampling,
    Sampling,
    TopKSampling,
)

__all__ = [
    'Blend', 'BlockwiseSampling', 'ClsAttention', 'GridBlockSampling', 'Guidance',
    'GuidanceSchedule', 'HintSampling', 'ImportanceSampling', 'MaskGenerator', 'NcutRelevance',
    'ProportionalSampling', 'RandomSampling', 'Sampling', 'TopKSampling'
]
