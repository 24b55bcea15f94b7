r"""Fine-tuning of a small ViT on any labeled folders of images.

    python tools/train.py configs/benchmarks/folder/vit-tiny_finetune.py --cfg-options \
        model.backbone.init_cfg.checkpoint=CHECKPOINT model.head.num_classes=10 \
        model.data_preprocessor.num_classes=10 \
        train_dataloader.dataset.data_root=FOLDER val_dataloader.dataset.data_root=FOLDER

Folders, images, patches, mean and std, crops and flips as in vit-tiny_linear.py. The rest is the
protocol of ../imagenet/vit-b_finetune-100e.py without RandAugment and random erasing: average of
the patches and a new norm, AdamW with base lr 5e-4 per 256 images and layer decay .65, drop path
.1, mixup .8 or cutmix 1, label smoothing .1.

Hardware: a CPU will do. Not measured yet on a set with published numbers.
"""
_base_ = ['./vit-tiny_linear.py']

num_classes = 10
warmup_epochs = 5
lr = 5e-4 * 128 / 256

model = dict(
    data_preprocessor=dict(num_classes=num_classes),
    backbone=dict(frozen_stages=-1, drop_path_rate=0.1, final_norm=False, out_type='avg_featmap'),
    neck=None,
    head=dict(
        _delete_=True,
        type='LinearClsHead',
        num_classes=num_classes,
        in_channels=192,
        loss=dict(type='LabelSmoothLoss', label_smooth_val=0.1, mode='original'),
        init_cfg=dict(type='TruncNormal', layer='Linear', std=2e-5)),
    train_cfg=dict(augments=[dict(type='Mixup', alpha=0.8), dict(type='CutMix', alpha=1.0)]))

optim_wrapper = dict(
    optimizer=dict(lr=lr, betas=(0.9, 0.999), weight_decay=0.05),
    constructor='LearningRateDecayOptimWrapperConstructor',
    paramwise_cfg=dict(
        layer_decay_rate=0.65,
        flat_decay_mult=0.,
        custom_keys={'.cls_token': dict(decay_mult=0.), '.pos_embed': dict(decay_mult=0.)}))
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
        T_max=50 - warmup_epochs,
        by_epoch=True,
        begin=warmup_epochs,
        end=50,
        eta_min_ratio=1e-6 / lr,
        convert_to_iter_based=True)
]
