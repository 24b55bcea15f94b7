"""MAE, ViT-B/16, 400 epochs: the baseline of Self-guided MAE.

    tools/dist_train.sh configs/mae/vit-b_400e.py 8

Hardware: 8 GPUs, 512 images each, total batch 4096; --auto-scale-lr for any other number. Time: not
measured by us.
Known elsewhere: linear 61.4, fine-tune 82.5, COCO 43.0 / 38.9, ADE20K 45.0 (as Self-guided MAE
reports it); linear 62.5, fine-tune 83.3 (mmpretrain). Ours: not measured.
"""
_base_ = [
    '../_base_/models/mae_vit-b.py',
    '../_base_/datasets/imagenet_224.py',
    '../_base_/schedules/mim_adamw_400e.py',
    '../_base_/default_runtime.py',
]
