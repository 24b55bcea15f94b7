"""Self-guided MAE, ViT-B/16, 400 epochs. After the trigger, every whole image is scored once, and
the scores are cropped with the image, see configs/self_guided_mae/README.md.

    tools/dist_train.sh configs/self_guided_mae/vit-b_400e.py 8

Published: linear 62.9, fine-tune 83.2 (MAE 61.4, 82.5); COCO 43.3 / 39.3; ADE20K 45.2; iNat19 78.9,
CIFAR 90.0, CUB 82.8.
"""
_base_ = [
    '../_base_/models/self_guided_mae_vit-b.py',
    '../_base_/datasets/imagenet_224.py',
    '../_base_/schedules/mim_adamw_800e.py',
    '../_base_/default_runtime.py',
]

train_cfg = dict(max_epochs=400)
param_scheduler = [_base_.param_scheduler[0], dict(_base_.param_scheduler[1], end=400)]

train_pipeline = [
    _base_.train_pipeline[0],
    dict(type='mmguided.WithScores', transforms=_base_.train_pipeline[1:]),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))

default_hooks = dict(exploitation=dict(type='mmguided.ExploitationHook', interval=100))
