"""CMAE, ViT-S/16, 300 epochs.

    tools/dist_train.sh configs/cmae/vit-s_300e.py 8

Hardware: 8 GPUs, 512 images each, total batch 4096; --auto-scale-lr for any other number, which
changes the number of negatives too. Time: not measured by us.
The paper reports no number for this length. Ours: not measured.
"""
_base_ = ['./vit-b_300e.py']

model = dict(backbone=dict(arch='small'))
