"""CMAE, ViT-B/16, 300 epochs, as in the paper.

    tools/dist_train.sh configs/cmae/vit-b_300e.py 8

Published: fine-tune 83.8.
"""
_base_ = ['./vit-b_800e.py']

train_cfg = dict(max_epochs=300)
param_scheduler = [_base_.param_scheduler[0], dict(_base_.param_scheduler[1], end=300)]
