"""ImageNet-1K for pretraining at 224 x 224: data/imagenet/train/<synset>/*.JPEG.

The batch size is MAE's: 512 images per GPU x 8 GPUs = 4096. With the layout train/*.JPEG and
meta/train.txt, add `--cfg-options train_dataloader.dataset.ann_file=meta/train.txt`. The papers
state only a random resized crop; the released codes and the *_released configs also flip.
"""
dataset_type = 'mmguided.ImageFolder'
data_root = 'data/imagenet'
data_preprocessor = dict(
    type='mmguided.DataPreprocessor',
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    to_rgb=True,
    non_blocking=True)

train_pipeline = [
    # LoadImage rejects truncated files; OpenCV may decode only a part of them.
    dict(type='mmguided.LoadImage'),
    dict(
        type='mmguided.RandomResizedCrop',
        scale=224,
        crop_ratio_range=(0.2, 1.0),
        interpolation='bicubic'),
    dict(type='PackInputs')
]

train_dataloader = dict(
    batch_size=512,
    num_workers=8,
    pin_memory=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_prefix='train',
        with_label=True,
        pipeline=train_pipeline))
