"""AttMask-like, ViT-B/16, 800 epochs: the patches with the highest attention of a momentum encoder
are masked, except for a tenth that is left visible as hints. There is no CLIP teacher. The original
AttMask masks the views of iBOT.

    tools/dist_train.sh configs/cmt_mae/vit-b_800e_attmask-like.py 8

Published: no number.
"""
_base_ = [
    '../_base_/models/attmask-like_vit-b.py',
    '../_base_/datasets/imagenet_224.py',
    '../_base_/schedules/mim_adamw_800e.py',
    '../_base_/default_runtime.py',
]
