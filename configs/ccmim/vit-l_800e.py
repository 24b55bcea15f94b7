"""ccMIM, ViT-L/16, 800 epochs.

    tools/dist_train.sh configs/ccmim/vit-l_800e.py 8

Hardware: 8 GPUs, 128 images each, total batch 1024; --auto-scale-lr for any other number. Time: not
measured by us.
The paper reports no number for this size. Ours: not measured.
"""
_base_ = ['./vit-b_800e.py']

model = dict(backbone=dict(arch='large'))
