"""CMAE, ViT-B/16, 1600 epochs, as in the paper.

    tools/dist_train.sh configs/cmae/vit-b_1600e.py 8

Published: fine-tune 84.7; COCO 52.4 / 46.5; ADE20K 51.0.
"""
_base_ = ['./vit-b_800e.py']

train_cfg = dict(max_epochs=1600)
param_scheduler = [_base_.param_scheduler[0], dict(_base_.param_scheduler[1], end=1600)]
