r"""Conditional MAE in minutes on a CPU: a ViT of 4 blocks, 128 wide, on any folder of small images.

    python tools/train.py configs/conditional_mae/vit-micro_folder-32.py \
        --cfg-options train_dataloader.dataset.data_root=FOLDER

FOLDER/<class>/* or FOLDER/*; CIFAR-10 written out as images is one. Images are cut to 32 x 32,
8 x 8 patches of 4 x 4 pixels, of which 16 are left before the first block and 14 before the last.
Evaluate with configs/benchmarks/folder/vit-micro_knn.py. It shows that everything works and says
nothing of Conditional MAE against others.

Hardware: a CPU will do; ours is measured in docs/measurements.md. The paper reports no number for
this size.
"""
_base_ = ['../_base_/models/conditional_mae_vit-b.py', '../_base_/default_runtime.py']

image_size = 32
max_epochs = 15
warmup_epochs = 2
batch_size = 128

model = dict(
    data_preprocessor=dict(
        type='SelfSupDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        to_rgb=True),
    backbone=dict(
        arch=dict(
            _delete_=True,
            embed_dims=128,
            num_layers=4,
            num_heads=4,
            feedforward_channels=512),
        img_size=image_size,
        patch_size=4),
    mask_generator=dict(shots=((0, 0.75), (3, 0.1))),
    neck=dict(embed_dims=64, depth=2, num_heads=4))

train_pipeline = [
    dict(type='LoadImageFromFile', imdecode_backend='pillow'),
    dict(
        type='RandomResizedCrop',
        scale=image_size,
        crop_ratio_range=(0.2, 1.0),
        backend='pillow',
        interpolation='bicubic'),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs')
]
train_dataloader = dict(
    batch_size=batch_size,
    num_workers=1,
    persistent_workers=False,
    worker_init_fn=dict(type='mmguided.datasets.worker_init_fn'),
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        type='mmguided.ImageFolder',
        data_root='data/images',
        data_prefix='',
        with_label='auto',
        pipeline=train_pipeline))

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-3, betas=(0.9, 0.95), weight_decay=0.05),
    paramwise_cfg=dict(norm_decay_mult=0., bias_decay_mult=0., flat_decay_mult=0.))
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
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs)
auto_scale_lr = dict(enable=False, base_batch_size=batch_size)
default_hooks = dict(logger=dict(interval=20))
