r"""Linear probe of a pretrained Swin-B on ImageNet-1K; protocol as vit-b_linear-90e.py.

    tools/dist_train.sh configs/benchmarks/imagenet/swin-b_linear-90e.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

The feature is the mean of the last map; images and windows as in swin-b_knn.py.

Hardware: 8 GPUs with 2048 images each, not measured yet. No paper here reports this number.
"""
_base_ = ['./vit-b_linear-90e.py']

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmguided.DenseSwin',
        arch='base',
        img_size=192,
        window_size=6,
        frozen_stages=3,  # all of them, counted from 0
        init_cfg=dict(type='Pretrained', checkpoint='', prefix='backbone.')),
    neck=[
        dict(type='GlobalAveragePooling'),
        dict(type='ClsBatchNormNeck', input_features=1024),
    ],
    head=dict(in_channels=1024))

train_pipeline = [
    _base_.train_pipeline[0],
    dict(_base_.train_pipeline[1], scale=192),
    *_base_.train_pipeline[2:],
]
test_pipeline = [
    _base_.test_pipeline[0],
    dict(_base_.test_pipeline[1], scale=219),
    dict(_base_.test_pipeline[2], crop_size=192),
    _base_.test_pipeline[3],
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
