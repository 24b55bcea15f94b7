"""CMAE with the hybrid ViT-B (CMAE* in the paper), 1600 epochs.

    tools/dist_train.sh configs/cmae/hybrid-b_1600e.py 8

Published: fine-tune 85.3; COCO 52.9 / 47.0; ADE20K 52.5.
"""
_base_ = ['./hybrid-b_800e.py']

train_cfg = dict(max_epochs=1600)
param_scheduler = [_base_.param_scheduler[0], dict(_base_.param_scheduler[1], end=1600)]
