"""CIFAR-10 for CMAE: two views of 32 x 32, at most 4 pixels apart (31 of 224 would be 4.4), the
second recolored.

The colors change as on ImageNet, but there is no blur: a sigma of up to 2 wipes out 32 pixels.
"""
_base_ = ['./cifar10_32.py', './color_transforms.py']

target_transforms = [
    # Takes images for BGR, and these are RGB: red and blue swap their weights in the gray that
    # contrast and saturation blend with. Hue turns evenly both ways, so is the same.
    _base_.color_jitter,
    dict(
        type='RandomGrayscale',
        prob=0.2,
        keep_channels=True,
        channel_weights=(0.299, 0.587, 0.114))
]

train_pipeline = [
    dict(
        type='RandomResizedCrop',
        scale=36,
        crop_ratio_range=(0.2, 1.0),
        backend='pillow',
        interpolation='bicubic'),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(
        type='mmguided.PixelShift',
        crop_size=32,
        max_shift=4,
        target_transforms=target_transforms),
    dict(type='PackInputs')
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
