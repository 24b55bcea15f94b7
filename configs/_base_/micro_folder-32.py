"""Data, schedule and runtime of the vit-micro configs: 5 epochs on any folder of small images,
cropped to 32 x 32 pixels, with batch size 128 in one process on a CPU. The epochs fit 50,000
images; for fewer images, add `--epochs N`.

    --cfg-options train_dataloader.dataset.data_root=FOLDER
"""
_base_ = ['./default_runtime.py', './schedules/warmup_cosine.py', './vit-micro.py']

decoder = dict(embed_dims=64, depth=2, num_heads=4)

data_preprocessor = dict(
    type='mmguided.DataPreprocessor',
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    to_rgb=True,
    non_blocking=True)

train_pipeline = [
    dict(type='mmguided.LoadImage'),
    dict(
        type='mmguided.RandomResizedCrop',
        scale=32,
        crop_ratio_range=(0.2, 1.0),
        interpolation='bicubic'),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs')
]
train_dataloader = dict(
    batch_size=128,
    num_workers=1,
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
    optimizer=dict(type='AdamW', lr=1e-3, betas=(0.9, 0.95), weight_decay=0.05, fused=True),
    constructor='mmguided.OptimWrapperConstructor',
    paramwise_cfg=dict(norm_decay_mult=0., bias_decay_mult=0., flat_decay_mult=0.))
param_scheduler = [
    dict(
        type='mmguided.WarmupLR', share=0.1, start_factor=1e-4, convert_to_iter_based=True),
    dict(_base_.cosine, eta_min=0.),  # until the end of the run
]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=5)
auto_scale_lr = dict(enable=False, base_batch_size=128)

default_hooks = dict(logger=dict(interval=20))
