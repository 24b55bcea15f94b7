"""CMAE ablation (Sec. 4.4): a BYOL-style loss, without negatives, 300 epochs.

    tools/dist_train.sh configs/cmae/ablations/loss_byol_300e.py 8

Hardware: 8 GPUs, 512 images each, total batch 4096; --auto-scale-lr for any other number, which
changes the number of negatives too. Time: not measured by us.
The paper's number: fine-tune 83.4. Ours: not measured.
"""
_base_ = ['../vit-b_300e.py']

model = dict(
    contrast_head=dict(
        _delete_=True,
        type='mmguided.CosineHead',
        predictor=dict(in_channels=256, **_base_.mlp),
        # ||a - b||^2 of unit vectors is 2 (1 - cos); the paper does not tell the weight it took.
        loss_weight=2.0))
