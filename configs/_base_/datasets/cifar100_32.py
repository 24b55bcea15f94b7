"""CIFAR-100 for pretraining at 32 x 32: data/cifar100/, downloaded there at the first run (170 MB).

Without network, unpack the "python version" into that folder and add
`--cfg-options train_dataloader.dataset.download=False`.
"""
dataset_type = 'CIFAR100'
data_root = 'data/cifar100'
data_preprocessor = dict(
    type='SelfSupDataPreprocessor',
    mean=[129.304, 124.070, 112.434],
    std=[68.170, 65.392, 70.418],
    # This dataset's arrays are RGB already.
    to_rgb=False)

train_pipeline = [
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
    batch_size=512,
    num_workers=4,
    persistent_workers=False,
    worker_init_fn=dict(type='mmguided.datasets.worker_init_fn'),
    pin_memory=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        type=dataset_type, data_root=data_root, split='train', pipeline=train_pipeline))
