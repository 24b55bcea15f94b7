r"""Linear probe of a pretrained Swin-B on ImageNet-1K; the recipe is vit-b_linear-90e_avg.py.

    tools/dist_train.sh configs/benchmarks/imagenet/swin-b_linear-90e.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

The feature, the image size and the windows are those of swin-b_knn.py.
"""
_base_ = ['./vit-b_linear-90e_avg.py']

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmguided.DenseSwin',
        arch='base',
        img_size=192,
        window_size=6,
        init_cfg=dict(type='Pretrained', checkpoint='', prefix='backbone.')))

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
