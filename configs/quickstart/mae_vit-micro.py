r"""MAE of the same size and length as ccmim_vit-micro.py, which the quickstart compares with it.

    python tools/train.py configs/quickstart/mae_vit-micro.py

Hardware: a CPU, in a minute. No paper reports a number for this size; ours stands in README.md.
"""
_base_ = ['./ccmim_vit-micro.py']

work_dir = 'work_dirs/quickstart/mae'

ccmim = _base_.model
model = dict(
    _delete_=True,
    type='mmguided.MAE',
    data_preprocessor=ccmim.data_preprocessor,
    backbone=ccmim.backbone,
    mask_generator=dict(
        type='mmguided.MaskGenerator', mask_ratio=ccmim.mask_generator.mask_ratio),
    neck=ccmim.neck,
    target_generator=ccmim.target_generator,
    head=ccmim.head)

custom_hooks = []
