r"""Linear probe of a pretrained ViT-B/16 on ImageNet-1K with MAE's recipe.

    tools/dist_train.sh configs/benchmarks/imagenet/vit-b_linear-90e.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Published top-1, ViT-B: MAE 68.0 (1600 epochs of pretraining), Self-guided MAE 62.9 / 68.7 (400 /
1600), CMT-MAE 79.8 (800, CLIP teacher). ViT-L: MAE 75.8. The feature is [CLS] after the final norm;
ccMIM averages the patches, see vit-b_linear-90e_avg.py. For another batch size, set
train_dataloader.batch_size and add --auto-scale-lr.
"""
_base_ = [
    '../../_base_/datasets/imagenet_224_classification.py',
    '../../_base_/schedules/warmup_cosine.py',
    '../../_base_/default_runtime.py',
]

max_epochs = 90
warmup_epochs = 10
total_batch_size = 16384  # over all processes

model = dict(
    type='mmguided.ImageClassifier',
    freeze_backbone=True,
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True),
    backbone=dict(
        type='mmguided.MaskedViT',
        arch='base',
        img_size=224,
        patch_size=16,
        out_type='cls_token',
        init_cfg=dict(type='Pretrained', checkpoint='', prefix='backbone.')),
    # If the width of neck and head is None, the width of the backbone is used.
    neck=dict(type='ClsBatchNormNeck', input_features=None),
    head=dict(
        type='VisionTransformerClsHead',
        num_classes=1000,
        in_channels=None,
        loss=dict(type='CrossEntropyLoss'),
        init_cfg=dict(type='TruncNormal', layer='Linear', std=0.01)))

optim_wrapper = dict(
    type='AmpOptimWrapper',
    loss_scale='dynamic',
    optimizer=dict(
        type='LARS', lr=0.1 * total_batch_size / 256, momentum=0.9, weight_decay=0.),
    constructor='mmguided.OptimWrapperConstructor',
    # MAE's LARS adapts the learning rate of matrices only, not that of the bias.
    paramwise_cfg=dict(custom_keys={'bias': dict(lars_exclude=True)}))
param_scheduler = [
    dict(_base_.warmup, end=warmup_epochs),
    dict(_base_.cosine, begin=warmup_epochs, end=max_epochs, eta_min=0.),
]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=1)
auto_scale_lr = dict(enable=False, base_batch_size=total_batch_size)

default_hooks = dict(
    strict_backbone=dict(test_prefix=''), logger=dict(interval=10))  # an epoch has 78 iterations
