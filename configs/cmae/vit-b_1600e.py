"""CMAE, ViT-B/16, 1600 epochs, as the paper states it.

    tools/dist_train.sh configs/cmae/vit-b_1600e.py 8

Hardware: 8 GPUs, 512 images each, total batch 4096; --auto-scale-lr for any other number, which
changes the number of negatives too. Time: not measured by us.
The paper's numbers: IN-1K fine-tune 84.7; ADE20K UPerNet 51.0 mIoU;
COCO Mask R-CNN 52.4/46.5 AP box/mask. Ours: not measured.
"""
_base_ = [
    '../_base_/models/cmae_vit-b.py',
    '../_base_/datasets/imagenet_224_pixel-shift.py',
    '../_base_/schedules/mim_adamw_1600e.py',
    '../_base_/default_runtime.py',
]
