"""Conditional MAE, ViT-B/16, L(0, 10; .75, .1), 1600 epochs.

    tools/dist_train.sh configs/conditional_mae/vit-b_1600e.py 8

Published: fine-tune in a plot (Fig. 8), with base lr 5e-6 as printed. This config has
MAE's 1.5e-4, see README.md.
"""
_base_ = ['./vit-b_300e.py']

train_cfg = dict(max_epochs=1600)
param_scheduler = [_base_.param_scheduler[0], dict(_base_.param_scheduler[1], end=1600)]
