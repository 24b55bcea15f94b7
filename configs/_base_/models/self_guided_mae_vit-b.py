"""Self-guided MAE with ViT-B/16: MAE that is guided by its own token relations after a trigger.

Stated: token relations of the second last layer, a normalized cut, the cluster of the object, 75 %
masked by relevance, hints drawn uniformly at a decaying ratio (.05 in Fig. II), start when mask
tokens overtake visible ones in the decoder. Our choices where the paper is open: the hint ratio
refers to the masked patches and falls to 0 linearly over the run; the scores of whole images are
computed once and cropped with their images.
"""
_base_ = ['./mae_vit-b.py']

model = dict(
    mask_generator=dict(
        sampling=dict(
            type='mmguided.HintSampling',
            sampling=dict(type='mmguided.TopKSampling'),
            ratio=dict(start=0.05, end=0., ramp=1., relative=True),
            choice='uniform'),
        guidance=dict(
            type='mmguided.CachedGuidance',
            guidance=dict(
                type='mmguided.NcutRelevance', source='student', layer=-2, cluster='object')),
        schedule=dict(begin='trigger')))
