"""ccMIM, ViT-B/16, 400 epochs.

    tools/dist_train.sh configs/ccmim/vit-b_400e.py 8

Published (Table 5): linear 67.4, fine-tune 83.8.
"""
_base_ = ['./vit-b_800e.py']

train_cfg = dict(max_epochs=400)
param_scheduler = [_base_.param_scheduler[0], dict(_base_.param_scheduler[1], end=400)]
