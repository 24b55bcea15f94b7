"""MAE, ViT-B/16, 800 epochs.

    tools/dist_train.sh configs/mae/vit-b_800e.py 8

Published: linear 65.1, fine-tune 83.3 (mmpretrain); linear 63.8 (Self-guided MAE).
"""
_base_ = [
    '../_base_/models/mae_vit-b.py',
    '../_base_/datasets/imagenet_224.py',
    '../_base_/schedules/mim_adamw_800e.py',
    '../_base_/default_runtime.py',
]
