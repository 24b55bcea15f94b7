"""Self-guided MAE, ViT-B/16, 1600 epochs.

    tools/dist_train.sh configs/self_guided_mae/vit-b_1600e.py 8

Published (Table V): linear 68.7 (MAE 68.0).
"""
_base_ = ['./vit-b_400e.py']

train_cfg = dict(max_epochs=1600)
param_scheduler = [_base_.param_scheduler[0], dict(_base_.param_scheduler[1], end=1600)]
