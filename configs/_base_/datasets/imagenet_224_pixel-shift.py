"""ImageNet-1K for CMAE: two views of 224 x 224, at most 31 pixels apart, the second recolored.

The paper states a master image of 224 + p pixels and no flip. It states shifts in "[0, p)" (Sec.
3.2) and in "[0, 31]" (Sec. 4.4), so p is 32. The color augmentation follows the released code,
because the paper does not state it.
"""
_base_ = ['./imagenet_224.py', './color_transforms.py']

target_transforms = [_base_.color_jitter, _base_.grayscale, _base_.gaussian_blur]

train_pipeline = [
    _base_.train_pipeline[0],
    dict(_base_.train_pipeline[1], scale=256),
    dict(
        type='mmguided.PixelShift',
        crop_size=224,
        max_shift=31,
        target_transforms=target_transforms),
    _base_.train_pipeline[-1],
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
