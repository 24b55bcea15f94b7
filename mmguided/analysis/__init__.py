"""Measures of encoders and masks as functions of tensors."""
from .attention import (
    attention_distance,
    attention_entropy,
    attention_nmi,
    exploitation_rates,
    mass_region,
    patch_distances,
    reversed_attention,
)
from .cka import MinibatchCKA, unbiased_hsic
from .clusters import match_clusters, patch_clusters
from .features import (
    cosine_similarity,
    effective_rank,
    feature_variance,
    fourier_amplitudes,
    frequencies,
    intra_and_inter,
    relation_kl,
    relative_log_amplitude,
    similarity_to_mean,
    similarity_variance,
)
from .masks import ObjectShare, object_share, visible_detail, visible_positions
from .reconstruction import Reconstruction, cls_attention, reconstruct

__all__ = [
    'MinibatchCKA', 'ObjectShare', 'Reconstruction', 'attention_distance',
    'attention_entropy', 'attention_nmi', 'cls_attention', 'cosine_similarity', 'effective_rank',
    'exploitation_rates', 'feature_variance', 'fourier_amplitudes', 'frequencies',
    'intra_and_inter', 'mass_region', 'match_clusters', 'object_share', 'patch_clusters',
    'patch_distances', 'reconstruct', 'relation_kl', 'relative_log_amplitude',
    'reversed_attention', 'similarity_to_mean', 'similarity_variance', 'unbiased_hsic',
    'visible_detail', 'visible_positions']
