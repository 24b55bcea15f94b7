"""ImageNet-1K for SimMIM at 192 x 192: crops of at least two thirds of the image, and flips.

256 images per GPU x 8 GPUs = 2048, the batch of SimMIM. Folders as in imagenet_224.py.
"""
_base_ = ['./imagenet_224.py']

train_pipeline = [
    dict(type='LoadImageFromFile', imdecode_backend='pillow'),
    dict(
        type='RandomResizedCrop',
        scale=192,
        crop_ratio_range=(0.67, 1.0),
        backend='pillow',
        interpolation='bilinear'),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs')
]
train_dataloader = dict(batch_size=256, dataset=dict(pipeline=train_pipeline))
