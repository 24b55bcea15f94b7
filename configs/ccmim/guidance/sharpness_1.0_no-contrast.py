r"""Guidance study: sharpness_1.0.py without contrast, to separate the effects of mask and contrast.

    python projects/study/study.py configs/ccmim/guidance/sharpness_1.0_no-contrast.py \
        --data-root FOLDER
"""
_base_ = ['./sharpness_1.0.py']

parts = ('backbone', 'mask_generator', 'neck', 'target_generator', 'head')
model = dict(
    _delete_=True, type='mmguided.MAE', **{part: _base_.model[part] for part in parts})
