"""Self-guided MAE, ViT-B/16, 800 epochs.

    tools/dist_train.sh configs/self_guided_mae/vit-b_800e.py 8

Published (Table V): linear 65.9 (MAE 63.8).
"""
_base_ = ['./vit-b_400e.py']

train_cfg = dict(max_epochs=800)
param_scheduler = [_base_.param_scheduler[0], dict(_base_.param_scheduler[1], end=800)]
