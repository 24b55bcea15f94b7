"""CMT-MAE ablation (Table 5): alpha = 0, CLIP alone guides the masks and is the target throughout,
as in the first stage. This is MAE with a teacher, and needs no momentum encoder.

    tools/dist_train.sh configs/cmt_mae/ablations/alpha_0_800e.py 8

Hardware: 8 GPUs, 512 images each, total batch 4096; --auto-scale-lr for any other number. CLIP's
weights: see configs/cmt_mae/README.md. Time: not measured by us.
The paper's numbers are in its Table 5, which our copy of the text lacks; 0.3 is the best.
Ours: not measured.
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
