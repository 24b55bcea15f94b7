"""MAE, ViT-B/16, 1600 epochs: the baseline of most papers.

    tools/dist_train.sh configs/mae/vit-b_1600e.py 8

Published: linear 68.0, fine-tune 83.6 (MAE); linear 67.8 (ccMIM); COCO 50.3 / 44.9, ADE20K 48.1
(CMAE, CMT-MAE); linear 67.1, fine-tune 83.5 (mmpretrain).
"""
_base_ = ['./vit-b_800e.py']

train_cfg = dict(max_epochs=1600)
param_scheduler = [_base_.param_scheduler[0], dict(_base_.param_scheduler[1], end=1600)]
