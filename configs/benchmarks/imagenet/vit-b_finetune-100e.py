r"""Fine-tune a pretrained ViT-B/16 on ImageNet-1K with MAE's recipe.

    tools/dist_train.sh configs/benchmarks/imagenet/vit-b_finetune-100e.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Published top-1, ViT-B: MAE 83.6 (1600 epochs of pretraining), CMAE 83.8 / 84.4 / 84.7 (300 / 800 /
1600), ccMIM 83.6 / 84.2 (300 / 800), CMT-MAE 85.7 (800, CLIP teacher), Self-guided MAE 83.2 (400).
Not all of them use this recipe, see README.md. For another batch size, set
train_dataloader.batch_size and add --auto-scale-lr.
"""
_base_ = [
    '../../_base_/datasets/imagenet_224_classification.py',
    '../../_base_/schedules/warmup_cosine.py',
    '../../_base_/default_runtime.py',
]

num_classes = 1000
max_epochs = 100
warmup_epochs = 5
total_batch_size = 1024  # over all processes
lr = 5e-4 * total_batch_size / 256

model = dict(
    type='mmguided.ImageClassifier',
    data_preprocessor=dict(
        num_classes=num_classes,
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        to_rgb=True),
    backbone=dict(
        type='mmguided.MaskedViT',
        arch='base',
        img_size=224,
        patch_size=16,
        drop_path_rate=0.1,
        # MAE's global pool: there is no final norm (ln1); a new norm (ln2) follows the average.
        final_norm=False,
        out_type='avg_featmap',
        init_cfg=dict(type='Pretrained', checkpoint='', prefix='backbone.')),
    head=dict(
        type='LinearClsHead',
        num_classes=num_classes,
        in_channels=None,  # the width of the backbone
        loss=dict(type='LabelSmoothLoss', label_smooth_val=0.1, mode='original'),
        init_cfg=dict(type='TruncNormal', layer='Linear', std=2e-5)),
    # Each batch gets mixup or cutmix with equal probability.
    train_cfg=dict(augments=[dict(type='Mixup', alpha=0.8), dict(type='CutMix', alpha=1.0)]))

# Images are BGR until they are normalized.
train_pipeline = [
    dict(type='mmguided.LoadImage'),
    dict(type='mmguided.RandomResizedCrop', scale=224, interpolation='bicubic'),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(
        type='RandAugment',  # timm's rand-m9-mstd0.5-inc1
        policies='timm_increasing',
        num_policies=2,
        total_level=10,
        magnitude_level=9,
        magnitude_std=0.5,
        hparams=dict(pad_val=[104, 116, 124], interpolation='bicubic')),
    dict(
        type='RandomErasing',
        erase_prob=0.25,
        mode='rand',
        min_area_ratio=0.02,
        max_area_ratio=1 / 3,
        fill_color=[103.53, 116.28, 123.675],
        fill_std=[57.375, 57.12, 58.395]),
    dict(type='PackInputs')
]
train_dataloader = dict(batch_size=128, dataset=dict(pipeline=train_pipeline))

optim_wrapper = dict(
    type='AmpOptimWrapper',
    loss_scale='dynamic',
    optimizer=dict(type='AdamW', lr=lr, betas=(0.9, 0.999), weight_decay=0.05, fused=True),
    constructor='mmguided.LayerDecayOptimWrapperConstructor',
    paramwise_cfg=dict(
        layer_decay_rate=0.65,
        flat_decay_mult=0.,
        custom_keys={'.cls_token': dict(decay_mult=0.), '.pos_embed': dict(decay_mult=0.)}))
param_scheduler = [
    dict(_base_.warmup, end=warmup_epochs),
    dict(
        _base_.cosine,
        begin=warmup_epochs,
        end=max_epochs,
        eta_min_ratio=1e-6 / lr),  # ends at 1e-6 times the scale of the layer
]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=1)
auto_scale_lr = dict(enable=False, base_batch_size=total_batch_size)

default_hooks = dict(strict_backbone=dict(test_prefix=''))
