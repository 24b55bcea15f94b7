"""Self-guided MAE with ViT-B/16: MAE guided by its own token relations after a trigger.

The paper states token relations of the second-to-last layer, a normalized cut, the object cluster,
75 % masked by relevance, hints drawn uniformly (ratio .05 in Fig. II), and a start when mask tokens
exceed visible tokens in the decoder. Our choices for settings that the paper leaves open: the hint
ratio is constant and relative to the masked patches, and the next patches are masked instead of the
hints; the scores of whole images are computed once and cropped with their images.
"""
_base_ = ['./mae_vit-b.py']

model = dict(
    mask_generator=dict(
        sampling=dict(
            type='mmguided.HintSampling',
            sampling=dict(type='mmguided.TopKSampling'),
            ratio=0.05,
            choice='uniform'),
        guidance=dict(
            type='mmguided.CachedGuidance',
            guidance=dict(
                type='mmguided.NcutRelevance', source='student', layer=-2, cluster='object')),
        schedule=dict(begin='trigger')))
