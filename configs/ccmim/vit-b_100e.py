"""ccMIM, ViT-B/16, 100 epochs.

    tools/dist_train.sh configs/ccmim/vit-b_100e.py 8

Published (Table 5): linear 41.1, fine-tune 80.5.
"""
_base_ = ['./vit-b_800e.py']

train_cfg = dict(max_epochs=100)
param_scheduler = [_base_.param_scheduler[0], dict(_base_.param_scheduler[1], end=100)]
