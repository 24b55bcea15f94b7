"""AttMask-like, ViT-B/16, 800 epochs: the patches with the highest attention of a momentum encoder
are masked, except for a tenth that is left visible as hints. There is no CLIP teacher. The original
AttMask masks the views of iBOT.

    tools/dist_train.sh configs/cmt_mae/vit-b_800e_attmask-like.py 8

Published: no number.
"""
_base_ = ['../mae/vit-b_800e.py']

model = dict(
    momentum_encoder=dict(type='mmguided.MomentumEncoder', momentum=0.996, end_momentum=1.0),
    mask_generator=dict(
        sampling=dict(
            type='mmguided.HintSampling',
            sampling=dict(type='mmguided.TopKSampling'),
            ratio=0.1),
        guidance=dict(type='mmguided.ClsAttention', source='momentum', layers=[-1])))
