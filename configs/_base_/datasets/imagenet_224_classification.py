"""ImageNet-1K for training a classifier at 224 x 224, validated by top-1 and top-5 accuracy.

Augmentation: random resized crops and flips. For more, set train_dataloader.dataset.pipeline.
"""
_base_ = ['./imagenet_224_eval.py']

train_pipeline = [
    dict(type='mmguided.LoadImage'),
    dict(type='mmguided.RandomResizedCrop', scale=224, interpolation='bicubic'),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs')
]
train_dataloader = dict(
    batch_size=2048,
    num_workers=16,
    pin_memory=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        type='ImageNet', data_root=_base_.data_root, split='train', pipeline=train_pipeline))
val_dataloader = _base_.test_dataloader
val_evaluator = dict(type='Accuracy', topk=(1, 5))
test_evaluator = val_evaluator
val_cfg = dict()
