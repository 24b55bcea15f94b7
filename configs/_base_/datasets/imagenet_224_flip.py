"""ImageNet-1K at 224 x 224 with horizontal flips, as in FCMAE and the released MAE and ccMIM."""
_base_ = ['./imagenet_224.py']

train_pipeline = [
    *_base_.train_pipeline[:2],
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    _base_.train_pipeline[-1],
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
