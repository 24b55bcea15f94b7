"""MAE, ViT-B/16, 300 epochs.

    tools/dist_train.sh configs/mae/vit-b_300e.py 8

Published: linear 60.8, fine-tune 83.1 (mmpretrain); linear 62.4, fine-tune 82.8 (ccMIM); fine-tune
82.9 (CMAE).
"""
_base_ = ['./vit-b_800e.py']

train_cfg = dict(max_epochs=300)
param_scheduler = [_base_.param_scheduler[0], dict(_base_.param_scheduler[1], end=300)]
