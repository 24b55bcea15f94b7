from .generator import MaskGenerator, ShotGuidance
from .guidance import (
    Blend,
    CachedGuidance,
    ClsAttention,
    Guidance,
    MapGuidance,
    NcutRelevance,
)
from .image_entropy import ImageEntropy
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
    'HintSampling', 'ImageEntropy', 'ImportanceSampling', 'MapGuidance', 'MaskGenerator',
    'NcutRelevance', 'ProportionalSampling', 'RandomSampling', 'Sampling', 'ShotGuidance',
    'TopKSampling'
]
