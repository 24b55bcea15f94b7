"""CMAE with the hybrid ViT-B (CMAE* in the paper), 800 epochs.

    tools/dist_train.sh configs/cmae/hybrid-b_800e.py 8

Published: fine-tune 85.0.
"""
_base_ = ['./vit-b_800e.py']

model = dict(
    backbone=dict(_delete_=True, type='mmguided.MaskedHybridViT', arch='base', img_size=224))
