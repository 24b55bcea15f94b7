"""ImageNet-1K for CMAE: two views of 224 x 224, at most 31 pixels apart, the second recolored.

As the paper states it (Sec. 3.2 and 4.4): a random resized crop of 224 + 31, no flip. The color
augmentation is the released code's; the paper leaves it open.
"""
_base_ = ['./imagenet_224.py']

# OpenCV's jitter: Pillow's is slower and warns in every worker of every epoch.
target_transforms = [
    dict(
        type='RandomApply',
        prob=0.8,
        transforms=[
            dict(
                type='ColorJitter',
                brightness=0.4,
                contrast=0.4,
                saturation=0.4,
                hue=0.1,
                backend='cv2')
        ]),
    # Images are BGR up to the data preprocessor.
    dict(
        type='RandomGrayscale',
        prob=0.2,
        keep_channels=True,
        channel_weights=(0.114, 0.587, 0.299)),
    # magnitude_std='inf' is mmpretrain's way to ask for a sigma uniform in the range.
    dict(type='GaussianBlur', prob=0.5, magnitude_range=(0.1, 2.0), magnitude_std='inf')
]

train_pipeline = [
    dict(type='LoadImageFromFile', imdecode_backend='pillow'),
    dict(
        type='RandomResizedCrop',
        scale=255,
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
