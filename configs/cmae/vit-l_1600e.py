"""CMAE, ViT-L/16, 1600 epochs.

    tools/dist_train.sh configs/cmae/vit-l_1600e.py 8

Hardware: 8 GPUs, 512 images each, total batch 4096; --auto-scale-lr for any other number, which
changes the number of negatives too. Time: not measured by us.
The paper plots the fine-tuning accuracy of this size, Fig. 5b, and gives no number.
Ours: not measured.
"""
_base_ = ['./vit-b_1600e.py']

model = dict(backbone=dict(arch='large'))
