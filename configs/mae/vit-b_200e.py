"""MAE, ViT-B/16, 200 epochs: a baseline of Self-guided MAE.

    tools/dist_train.sh configs/mae/vit-b_200e.py 8

Published: linear 53.9 (Self-guided MAE, Table V).
"""
_base_ = ['./vit-b_800e.py']

train_cfg = dict(max_epochs=200)
param_scheduler = [_base_.param_scheduler[0], dict(_base_.param_scheduler[1], end=200)]
