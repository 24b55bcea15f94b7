"""ccMIM, ViT-S/16, 300 epochs.

    tools/dist_train.sh configs/ccmim/vit-s_300e.py 8

Hardware: 8 GPUs, 128 images each, total batch 1024; --auto-scale-lr for any other number. Time: not
measured by us.
The paper's numbers: COCO Mask R-CNN 1x 44.3/39.5 AP box/mask. Ours: not measured.
"""
_base_ = ['./vit-b_300e.py']

model = dict(backbone=dict(arch='small'))
