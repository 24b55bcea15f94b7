"""Guidance study: MAE, without guidance and without contrast.

    python tools/guidance_study.py configs/ccmim/guidance/mae.py --data-root FOLDER
"""
_base_ = ['./random.py']

ccmim = _base_.model
model = dict(
    _delete_=True,
    type='mmguided.MAE',
    backbone=ccmim.backbone,
    mask_generator=ccmim.mask_generator,
    neck=ccmim.neck,
    target_generator=ccmim.target_generator,
    head=ccmim.head)
