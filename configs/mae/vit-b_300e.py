"""MAE, ViT-B/16, 300 epochs.

    tools/dist_train.sh configs/mae/vit-b_300e.py 8

Hardware: 8 GPUs, 512 images each, total batch 4096; --auto-scale-lr for any other number. Time: not
measured by us.
Known elsewhere: linear 60.8, fine-tune 83.1 (mmpretrain); linear 62.4, fine-tune 82.8 (as ccMIM
reports it); fine-tune 82.9 (as CMAE reports it). Ours: not measured.
"""
_base_ = [
    '../_base_/models/mae_vit-b.py',
    '../_base_/datasets/imagenet_224.py',
    '../_base_/schedules/mim_adamw_300e.py',
    '../_base_/default_runtime.py',
]
