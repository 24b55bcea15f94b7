"""CMAE with ConvMAE's hybrid convolutional ViT-B (CMAE* in the paper), 1600 epochs.

    tools/dist_train.sh configs/cmae/hybrid-b_1600e.py 8

Hardware: 8 GPUs, 512 images each, total batch 4096; --auto-scale-lr for any other number, which
changes the number of negatives too. Time: not measured by us.
The paper's numbers: IN-1K fine-tune 85.3; ADE20K UPerNet 52.5 mIoU;
COCO Mask R-CNN 52.9/47.0 AP box/mask. Ours: not measured.
"""
_base_ = ['./vit-b_1600e.py']

model = dict(
    backbone=dict(
        _delete_=True, type='mmguided.MaskedHybridViT', arch='base', img_size=224))
