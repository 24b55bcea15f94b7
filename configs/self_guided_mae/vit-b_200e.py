"""Self-guided MAE, ViT-B/16, 200 epochs.

    tools/dist_train.sh configs/self_guided_mae/vit-b_200e.py 8

Published (Table V): linear 54.4 (MAE 53.9).
"""
_base_ = ['./vit-b_400e.py']

train_cfg = dict(max_epochs=200)
param_scheduler = [_base_.param_scheduler[0], dict(_base_.param_scheduler[1], end=200)]
