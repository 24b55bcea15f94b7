"""CMT-MAE with ViT-B/16 and CLIP's ViT-B/16 as the teacher.

The paper states that CLIP guides the masks and is the target. In the second stage, a momentum
encoder has the weight alpha = 0.3 in both roles. The loss is a squared error summed over channels.
Our choices for settings that the paper leaves open: the first stage is 1/8 of the run; masked
patches are drawn in proportion to attention; the momentum increases from .996 to 1; the decoder is
MAE's; attention maps are normalized to sum 1, and targets to mean 0 and variance 1; the target of
CLIP is its tokens after the final norm, before the projection.
"""
_base_ = ['./mae_vit-b.py']

alpha = dict(start=0., end=0.3, begin=1 / 8, relative=True)
feature_head = dict(type='mmguided.ReconstructionHead', reduction='sum')
find_unused_parameters = True  # the second head has no gradient in the first stage

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
