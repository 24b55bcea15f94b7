"""ImageNet-1K with two independent random resized crops of 224 x 224: CMAE's alternative to pixel
shifting, without color augmentation (Table 4b, second row).
"""
_base_ = ['./imagenet_224.py']

random_crop = dict(
    type='RandomResizedCrop',
    scale=224,
    crop_ratio_range=(0.2, 1.0),
    backend='pillow',
    interpolation='bicubic')

train_pipeline = [
    dict(type='LoadImageFromFile', imdecode_backend='pillow'),
    # The online view, then the target view: augment the latter by more steps in its own list.
    dict(type='MultiView', num_views=[1, 1], transforms=[[random_crop], [random_crop]]),
    dict(type='PackInputs')
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
