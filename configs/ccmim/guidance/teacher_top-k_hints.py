r"""Guidance study: as top-k_hints.py, by the attention of the last block of a
CLIP that tools/train_clip.py has trained into data/clip.

    python tools/guidance_study.py configs/ccmim/guidance/teacher_top-k_hints.py --data-root FOLDER

Hardware: a CPU will do; ours is measured in docs/guidance_study.md. No paper reports a number for
this size.
"""
_base_ = ['./top-k_hints.py']

model = dict(
    teacher=dict(
        type='mmguided.OpenCLIPTeacher', model_name='local-dir:data/clip', pretrained=None),
    mask_generator=dict(
        guidance=dict(
            _delete_=True,
            type='mmguided.ClsAttention',
            source='teacher',
            layers=[-1])))
