r"""Guidance study: top-k_hints.py by the attention of the last block of a CLIP in data/clip, which
tools/train_clip.py trains.

    python projects/guidance_study/guidance_study.py \
        configs/ccmim/guidance/teacher_top-k_hints.py --data-root FOLDER
"""
_base_ = ['./top-k_hints.py']

model = dict(
    teacher=dict(
        type='mmguided.OpenCLIPTeacher', model_name='local-dir:data/clip', pretrained=None),
    mask_generator=dict(
        guidance=dict(
            _delete_=True, type='mmguided.ClsAttention', source='teacher', layers=[-1])))
