"""AttMask-like, ViT-B/16, 800 epochs: the patches to which a momentum encoder attends most are
masked, but for a share of them that stays visible as hints. A relative of CMT-MAE made of parts,
without CLIP; AttMask itself masks the views of iBOT.

    tools/dist_train.sh configs/cmt_mae/vit-b_attmask-like_800e.py 8

Hardware: 8 GPUs, 512 images each, total batch 4096; --auto-scale-lr for any other number. Time: not
measured by us.
The papers that we follow report no number for it. Ours: not measured.
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
