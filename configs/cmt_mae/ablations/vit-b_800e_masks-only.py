"""CMT-MAE ablation (Table 4): collaborative masks, and the normalized pixels of MAE as the target.

    tools/dist_train.sh configs/cmt_mae/ablations/vit-b_800e_masks-only.py 8

Published: linear 73.5, fine-tune 84.2; COCO 50.3 / 43.5; ADE20K 48.3; DAVIS J&F 53.8, J 51.8,
F 55.8.
CLIP's weights: see configs/cmt_mae/README.md.
"""
_base_ = ['../../mae/vit-b_800e.py']

alpha = dict(start=0., end=0.3, begin=1 / 8, relative=True)

model = dict(
    teacher=dict(
        type='mmguided.OpenCLIPTeacher', model_name='ViT-B-16', pretrained='openai'),
    momentum_encoder=dict(type='mmguided.MomentumEncoder', momentum=0.996, end_momentum=1.0),
    mask_generator=dict(
        sampling=dict(type='mmguided.ProportionalSampling', masked='high'),
        guidance=dict(
            type='mmguided.Blend',
            guidances=[
                dict(type='mmguided.ClsAttention', source='momentum', layers=[-1]),
                dict(type='mmguided.ClsAttention', source='teacher', layers=[-1]),
            ],
            weights=[alpha])))
