"""MAE, ViT-B/16, 800 epochs, as in the released code: horizontal flips after the random crop.

    tools/dist_train.sh configs/mae/vit-b_800e_released.py 8

Published: the numbers of vit-b_800e.py.
"""
_base_ = [
    '../_base_/models/mae_vit-b.py',
    '../_base_/datasets/imagenet_224_flip.py',
    '../_base_/schedules/mim_adamw_800e.py',
    '../_base_/default_runtime.py',
]
