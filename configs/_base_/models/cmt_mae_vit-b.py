"""CMT-MAE with ViT-B/16; the teacher is the ViT-B/16 of CLIP.

Stated: CLIP guides the masks and is the target; in the second stage a momentum encoder has the
share alpha = 0.3 of both; squared error, summed over channels. Our choices where the paper is open:
the first stage is 1/8 of the run; patches of high attention are masked, drawn in proportion;
momentum .996, rising to 1; the decoder of MAE; maps normalized to sum 1, targets to mean 0 and
variance 1.
"""
_base_ = ['./mae_vit-b.py']

alpha = dict(start=0., end=0.3, begin=1 / 8, relative=True)
feature_head = dict(type='mmguided.ReconstructionHead', reduction='sum')

model = dict(
    type='mmguided.CMTMAE',
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
            weights=[alpha])),
    target_generator=dict(_delete_=True, type='mmguided.FeatureTarget', source='teacher'),
    head=feature_head,
    student_target=dict(type='mmguided.FeatureTarget', source='momentum'),
    student_head=feature_head,
    alpha=alpha)
