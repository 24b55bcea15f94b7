"""ImageNet-1K for CMAE: two views of 224 x 224, at most 31 pixels apart, the second recolored.

As the paper states it: a master image of 224 + p, shifts in "[0, p)" (Sec. 3.2), in "[0, 31]"
(Sec. 4.4), hence p = 32; no flip. The color augmentation is the released code's; the paper leaves
it open.
"""
_base_ = ['./imagenet_224.py', './color_transforms.py']

target_transforms = [
    _base_.color_jitter,
    _base_.grayscale,
    # magnitude_std='inf' is mmpretrain's way to ask for a sigma uniform in the range.
    dict(type='GaussianBlur', prob=0.5, magnitude_range=(0.1, 2.0), magnitude_std='inf')
]

train_pipeline = [
    dict(type='LoadImageFromFile', imdecode_backend='pillow'),
    dict(
        type='RandomResizedCrop',
        scale=256,
        crop_ratio_range=(0.2, 1.0),
        backend='pillow',
        interpolation='bicubic'),
    dict(
        type='mmguided.PixelShift',
        crop_size=224,
        max_shift=31,
        target_transforms=target_transforms),
    dict(type='PackInputs')
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
