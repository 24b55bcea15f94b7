r"""MILAN-like in minutes on a CPU: MAE that predicts the features of CLIP. CLIP's attention selects
the visible patches, in proportion.

    python tools/train_clip.py LABELED_FOLDER --out work_dirs/clip_micro
    python tools/train.py configs/mae/vit-micro_folder-32_milan-like.py --data-root FOLDER

The first command trains a small CLIP as the teacher. MILAN's prompting decoder is not included.
"""
_base_ = ['./vit-micro_folder-32.py']

model = dict(
    teacher=dict(
        type='mmguided.OpenCLIPTeacher',
        model_name='local-dir:work_dirs/clip_micro',
        pretrained=None),
    mask_generator=dict(
        sampling=dict(type='mmguided.ProportionalSampling', masked='low'),
        guidance=dict(type='mmguided.ClsAttention', source='teacher', layers=[-1])),
    target_generator=dict(_delete_=True, type='mmguided.FeatureTarget', source='teacher'))
