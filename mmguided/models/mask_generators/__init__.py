from .generator import MaskGenerator, ShotGuidance
from .guidance import Blend, CachedGuidance, ClsAttention, Guidance, NcutRelevance
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
    'Blend', 'BlockwiseSampling', 'CachedGuidance', 'ClsAttention', 'GridBlockSampling', 'Guidance',
    'HintSampling', 'ImportanceSampling', 'MaskGenerator', 'NcutRelevance', 'ProportionalSampling',
    'RandomSampling', 'Sampling', 'ShotGuidance', 'TopKSampling'
]
