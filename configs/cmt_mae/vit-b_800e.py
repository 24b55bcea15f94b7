"""CMT-MAE, ViT-B/16, 800 epochs: CLIP guides the masks; after 100 epochs, EMA attention too.

    tools/dist_train.sh configs/cmt_mae/vit-b_800e.py 8

Published: linear 79.8, fine-tune 85.7.
For CLIP's weights, see configs/cmt_mae/README.md.
"""
_base_ = [
    '../_base_/models/cmt_mae_vit-b.py',
    '../_base_/datasets/imagenet_224.py',
    '../_base_/schedules/mim_adamw_800e.py',
    '../_base_/default_runtime.py',
]
