"""MAE, ViT-B/16, 800 epochs, as the released code: horizontal flips beside the random crop.

    tools/dist_train.sh configs/mae/vit-b_800e_released.py 8

Hardware: 8 GPUs, 512 images each, total batch 4096; --auto-scale-lr for any other number. Time: not
measured by us.
The numbers are those of vit-b_800e.py. Ours: not measured.
"""
_base_ = ['./vit-b_800e.py']

train_pipeline = [
    dict(type='LoadImageFromFile', imdecode_backend='pillow'),
    dict(
        type='RandomResizedCrop',
        scale=224,
        crop_ratio_range=(0.2, 1.0),
        backend='pillow',
        interpolation='bicubic'),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs')
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
