"""CMAE, ViT-B/16, 800 epochs, as in the paper.

    tools/dist_train.sh configs/cmae/vit-b_800e.py 8

Published: fine-tune 84.4.
"""
_base_ = [
    '../_base_/models/cmae_vit-b.py',
    '../_base_/datasets/imagenet_224_pixel-shift.py',
    '../_base_/schedules/mim_adamw_800e.py',
    '../_base_/default_runtime.py',
]
