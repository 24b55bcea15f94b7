"""CMT-MAE ablation (Table 5): alpha = 0, 800 epochs. CLIP guides the masks and is the target in
both stages, so the model is MAE with a teacher and without a momentum encoder.

    tools/dist_train.sh configs/cmt_mae/ablations/vit-b_800e_alpha-0.py 8

Published: in Table 5, which is missing from our copy of the paper.
For CLIP's weights, see configs/cmt_mae/README.md.
"""
_base_ = ['../../mae/vit-b_800e.py']

model = dict(
    teacher=dict(
        type='mmguided.OpenCLIPTeacher', model_name='ViT-B-16', pretrained='openai'),
    mask_generator=dict(
        sampling=dict(type='mmguided.ProportionalSampling', masked='high'),
        guidance=dict(type='mmguided.ClsAttention', source='teacher', layers=[-1])),
    target_generator=dict(_delete_=True, type='mmguided.FeatureTarget', source='teacher'),
    head=dict(reduction='sum'))
