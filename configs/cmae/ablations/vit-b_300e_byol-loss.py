"""CMAE ablation (Sec. 4.4): a BYOL-style loss, without negatives, 300 epochs.

    tools/dist_train.sh configs/cmae/ablations/vit-b_300e_byol-loss.py 8

Published: fine-tune 83.4.
"""
_base_ = ['../vit-b_300e.py']

model = dict(
    contrast_head=dict(
        _delete_=True,
        type='mmguided.CosineHead',
        predictor=dict(in_channels=256, **_base_.mlp),
        # ||a - b||^2 of unit vectors is 2 (1 - cos). The paper states no loss weight.
        loss_weight=2.0))
