r"""Linear probe of a pretrained ViT-B/16 on ImageNet-1K: a linear layer on the frozen encoder.

    tools/dist_train.sh configs/benchmarks/imagenet/vit-b_linear-90e.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

MAE's protocol (paper, Table 10; released main_linprobe.py): 90 epochs, LARS, 16384 images per step,
base lr 0.1 per 256 images = 6.4, no weight decay, 10 epochs of warm-up and cosine to zero, random
crops and flips only, [CLS] after the final norm, batch normalization without affine parameters.
Another batch: set train_dataloader.batch_size and add --auto-scale-lr.

Hardware: meant for 8 GPUs with 2048 images each, not measured yet. The released MAE took 2 h 20 min
on 32 V100.

Top-1 that the papers report for ViT-B: MAE 68.0 (1600 epochs), ccMIM 66.9 / 68.9 (300 / 800),
Self-guided MAE 62.9 / 68.7 (400 / 1600), CMT-MAE 79.8 (800, CLIP teacher). mmpretrain's MAE:
60.8 / 62.5 / 65.1 / 67.1 (300 / 400 / 800 / 1600). ccMIM averages the patches: *_avg.py.
"""
_base_ = [
    '../../_base_/datasets/imagenet_224_classification.py',
    '../../_base_/default_runtime.py',
]

max_epochs = 90
warmup_epochs = 10
total_batch_size = 16384  # of all processes

model = dict(
    type='ImageClassifier',
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True),
    backbone=dict(
        type='mmguided.MaskedViT',
        arch='base',
        img_size=224,
        patch_size=16,
        frozen_stages=12,  # all of the blocks, and with them the embedding and the final norm
        out_type='cls_token',
        init_cfg=dict(type='Pretrained', checkpoint='', prefix='backbone.')),
    neck=dict(type='ClsBatchNormNeck', input_features=768),
    head=dict(
        type='VisionTransformerClsHead',
        num_classes=1000,
        in_channels=768,
        loss=dict(type='CrossEntropyLoss'),
        init_cfg=dict(type='TruncNormal', layer='Linear', std=0.01)))

optim_wrapper = dict(
    type='AmpOptimWrapper',
    loss_scale='dynamic',
    optimizer=dict(
        type='LARS', lr=0.1 * total_batch_size / 256, momentum=0.9, weight_decay=0.),
    # MAE's LARS adapts the rate of matrices alone; the bias takes the plain one.
    paramwise_cfg=dict(custom_keys={'bias': dict(lars_exclude=True)}))
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=1e-4,
        by_epoch=True,
        begin=0,
        end=warmup_epochs,
        convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        T_max=max_epochs - warmup_epochs,
        by_epoch=True,
        begin=warmup_epochs,
        end=max_epochs,
        eta_min=0.,
        convert_to_iter_based=True)
]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=1)
auto_scale_lr = dict(enable=False, base_batch_size=total_batch_size)

default_hooks = dict(
    strict_backbone=dict(test_prefix=''), logger=dict(interval=10))  # 78 iterations an epoch
