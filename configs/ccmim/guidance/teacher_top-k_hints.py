r"""Guidance study: top-k_hints.py with the last block of CLIP as guidance. The CLIP in data/clip is
trained with tools/train_clip.py.

    python projects/study/study.py configs/ccmim/guidance/teacher_top-k_hints.py --data-root FOLDER
"""
_base_ = ['./top-k_hints.py']

model = dict(
    teacher=dict(
        type='mmguided.OpenCLIPTeacher', model_name='local-dir:data/clip', pretrained=None),
    mask_generator=dict(
        guidance=dict(
            _delete_=True, type='mmguided.ClsAttention', source='teacher', layers=[-1])))
