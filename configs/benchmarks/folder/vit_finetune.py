r"""Fine-tune a pretrained ViT of any size on a labeled folder of images, for small datasets.

    python tools/train.py configs/benchmarks/folder/vit_finetune.py --data-root FOLDER \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Folder, sizes, mean and std are those of vit_knn.py. The recipe is ../imagenet/
vit-b_finetune-100e.py with 50 epochs and without RandAugment and random erasing.
"""
_base_ = ['./vit_linear.py']

warmup_epochs = 5
lr = 5e-4 * 128 / 256

model = dict(
    freeze_backbone=False,
    data_preprocessor=dict(num_classes=None),
    backbone=dict(drop_path_rate=0.1, final_norm=False, out_type='avg_featmap'),
    neck=None,
    head=dict(
        _delete_=True,
        type='LinearClsHead',
        num_classes=None,
        in_channels=None,
        loss=dict(type='LabelSmoothLoss', label_smooth_val=0.1, mode='original'),
        init_cfg=dict(type='TruncNormal', layer='Linear', std=2e-5)),
    train_cfg=dict(augments=[dict(type='Mixup', alpha=0.8), dict(type='CutMix', alpha=1.0)]))

optim_wrapper = dict(
    optimizer=dict(lr=lr, betas=(0.9, 0.999), weight_decay=0.05),
    constructor='mmguided.LayerDecayOptimWrapperConstructor',
    paramwise_cfg=dict(
        layer_decay_rate=0.65,
        flat_decay_mult=0.,
        custom_keys={'.cls_token': dict(decay_mult=0.), '.pos_embed': dict(decay_mult=0.)}))
param_scheduler = [
    dict(_base_.warmup, end=warmup_epochs),
    dict(_base_.cosine, begin=warmup_epochs, eta_min_ratio=1e-6 / lr),
]
