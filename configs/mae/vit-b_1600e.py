"""MAE, ViT-B/16, 1600 epochs: the baseline that most papers compare with.

    tools/dist_train.sh configs/mae/vit-b_1600e.py 8

Hardware: 8 GPUs, 512 images each, total batch 4096; --auto-scale-lr for any other number. Time: not
measured by us.
Known elsewhere: linear 68.0, fine-tune 83.6 (MAE); linear 67.8 (as ccMIM reports it); COCO 50.3 /
44.9, ADE20K 48.1 (as CMAE and CMT-MAE report it); linear 67.1, fine-tune 83.5 (mmpretrain).
Ours: not measured.
"""
_base_ = [
    '../_base_/models/mae_vit-b.py',
    '../_base_/datasets/imagenet_224.py',
    '../_base_/schedules/mim_adamw_1600e.py',
    '../_base_/default_runtime.py',
]
