"""ImageNet-1K for CMAE as in the released code: two views cut from 256 x 256, flipped together.

The views are at most 31 pixels apart, as in imagenet_224_pixel-shift.py, so that a column of one
pixel at the right and a row of one at the bottom are never seen.
"""
_base_ = ['./imagenet_224_pixel-shift.py']

train_pipeline = [
    dict(type='LoadImageFromFile', imdecode_backend='pillow'),
    dict(
        type='RandomResizedCrop',
        scale=256,
        crop_ratio_range=(0.2, 1.0),
        backend='pillow',
        interpolation='bicubic'),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(
        type='mmguided.PixelShift',
        crop_size=224,
        max_shift=31,
        target_transforms=_base_.target_transforms),
    dict(type='PackInputs')
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
