"""MAE, ViT-B/16, 800 epochs.

    tools/dist_train.sh configs/mae/vit-b_800e.py 8

Hardware: 8 GPUs, 512 images each, total batch 4096; --auto-scale-lr for any other number. Time: not
measured by us.
Known elsewhere: linear 65.1, fine-tune 83.3 (mmpretrain); linear 63.8 (as Self-guided MAE reports
it). Ours: not measured.
"""
_base_ = [
    '../_base_/models/mae_vit-b.py',
    '../_base_/datasets/imagenet_224.py',
    '../_base_/schedules/mim_adamw_800e.py',
    '../_base_/default_runtime.py',
]
