"""MAE, ViT-B/16, 400 epochs: the baseline of Self-guided MAE.

    tools/dist_train.sh configs/mae/vit-b_400e.py 8

Published: linear 61.4, fine-tune 82.5, COCO 43.0 / 38.9, ADE20K 45.0 (Self-guided MAE); linear
62.5, fine-tune 83.3 (mmpretrain).
"""
_base_ = ['./vit-b_800e.py']

train_cfg = dict(max_epochs=400)
param_scheduler = [_base_.param_scheduler[0], dict(_base_.param_scheduler[1], end=400)]
