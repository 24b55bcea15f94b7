r"""Guidance study: the masks of sharpness_1.0.py without the contrast, to tell their effects apart.

    python tools/guidance_study.py configs/ccmim/guidance/sharpness_1.0_no-contrast.py \
        --data-root FOLDER
"""
_base_ = ['./sharpness_1.0.py']

ccmim = _base_.model
model = dict(
    _delete_=True,
    type='mmguided.MAE',
    backbone=ccmim.backbone,
    mask_generator=ccmim.mask_generator,
    neck=ccmim.neck,
    target_generator=ccmim.target_generator,
    head=ccmim.head)
