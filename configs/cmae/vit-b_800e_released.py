"""CMAE, ViT-B/16, 800 epochs, as the released code.

    tools/dist_train.sh configs/cmae/vit-b_800e_released.py 8

Hardware: 8 GPUs, 512 images each, total batch 4096; --auto-scale-lr for any other number, which
changes the number of negatives too. Time: not measured by us.
For the paper's numbers see vit-b_800e.py. Ours: not measured.
"""
_base_ = [
    '../_base_/models/cmae_vit-b_released.py',
    '../_base_/datasets/imagenet_224_pixel-shift_released.py',
    '../_base_/schedules/mim_adamw_800e.py',
    '../_base_/default_runtime.py',
]

optim_wrapper = dict(paramwise_cfg=_base_.released_weight_decay)
