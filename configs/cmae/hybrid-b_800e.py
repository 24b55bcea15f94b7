"""CMAE with ConvMAE's hybrid convolutional ViT-B (CMAE* in the paper), 800 epochs.

    tools/dist_train.sh configs/cmae/hybrid-b_800e.py 8

Hardware: 8 GPUs, 512 images each, total batch 4096; --auto-scale-lr for any other number, which
changes the number of negatives too. Time: not measured by us.
The paper's number: IN-1K fine-tune 85.0. Ours: not measured.
"""
_base_ = ['./vit-b_800e.py']

model = dict(
    backbone=dict(
        _delete_=True, type='mmguided.MaskedHybridViT', arch='base', img_size=224))
