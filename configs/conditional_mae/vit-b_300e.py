"""Conditional MAE, ViT-B/16, L(0, 10; .75, .1), 300 epochs.

    tools/dist_train.sh configs/conditional_mae/vit-b_300e.py 8

Published: fine-tune in a plot (Fig. 8); ADE20K 46.1 (MAE 45.8), encoder not named.
"""
_base_ = [
    '../_base_/models/conditional_mae_vit-b.py',
    '../_base_/datasets/imagenet_224.py',
    '../_base_/schedules/mim_adamw_800e.py',
    '../_base_/default_runtime.py',
]

train_cfg = dict(max_epochs=300)
param_scheduler = [_base_.param_scheduler[0], dict(_base_.param_scheduler[1], end=300)]
