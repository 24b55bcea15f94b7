r"""Guidance study: sorts s / u, s the attention; without contrast, MAE with the guided mask.

    python tools/guidance_study.py configs/ccmim/guidance/sharpness_1.0_no-contrast.py \
        --data-root FOLDER

Tells what of sharpness_1.0.py comes from the mask, and what from the contrast.

Hardware: a CPU will do; ours is measured in docs/guidance_study.md. No paper reports a number for
this size.
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
