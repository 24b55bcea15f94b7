"""Any folder of small images for pretraining at 32 x 32 on a CPU.

    --cfg-options train_dataloader.dataset.data_root=FOLDER
"""
data_preprocessor = dict(
    type='SelfSupDataPreprocessor',
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    to_rgb=True)

train_pipeline = [
    dict(type='LoadImageFromFile', imdecode_backend='pillow'),
    dict(
        type='RandomResizedCrop',
        scale=32,
        crop_ratio_range=(0.2, 1.0),
        backend='pillow',
        interpolation='bicubic'),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs')
]
train_dataloader = dict(
    batch_size=128,
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
