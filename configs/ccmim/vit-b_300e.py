"""ccMIM, ViT-B/16, 300 epochs.

    tools/dist_train.sh configs/ccmim/vit-b_300e.py 8

Published: linear 66.9, fine-tune 83.6; COCO 49.1 / 43.1; ADE20K 46.5.
"""
_base_ = ['./vit-b_800e.py']

train_cfg = dict(max_epochs=300)
param_scheduler = [_base_.param_scheduler[0], dict(_base_.param_scheduler[1], end=300)]
