"""MAE, ViT-B/16, 800 epochs, as the released code: horizontal flips beside the random crop.

    tools/dist_train.sh configs/mae/vit-b_800e_released.py 8

Hardware: 8 GPUs, 512 images each, total batch 4096; --auto-scale-lr for any other number. Time: not
measured by us.
For known numbers see vit-b_800e.py. Ours: not measured.
"""
_base_ = [
    '../_base_/models/mae_vit-b.py',
    '../_base_/datasets/imagenet_224_flip.py',
    '../_base_/schedules/mim_adamw_800e.py',
    '../_base_/default_runtime.py',
]
