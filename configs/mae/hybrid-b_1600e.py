"""MAE with the hybrid ViT-B, 1600 epochs: ConvMAE, the baseline of CMAE*.

    tools/dist_train.sh configs/mae/hybrid-b_1600e.py 8

Published (ConvMAE, in CMAE): fine-tune 84.6, COCO 52.5 / 46.5, ADE20K 50.7.
Mask, decoder and recipe follow MAE. The docstring of MaskedHybridViT lists the differences from
ConvMAE.
"""
_base_ = ['./vit-b_1600e.py']

model = dict(
    backbone=dict(_delete_=True, type='mmguided.MaskedHybridViT', arch='base', img_size=224))
