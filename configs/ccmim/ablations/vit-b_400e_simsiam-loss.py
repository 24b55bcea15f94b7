"""ccMIM ablation (Fig. 2): the contrast of Eq. 8 in SimSiam form, 400 epochs.

    tools/dist_train.sh configs/ccmim/ablations/vit-b_400e_simsiam-loss.py 8

Published: a plot over lambda; 0.2 is best. The paper prints lr 1e-5 for Fig. 2; this config has the
rate of the method, see README.md.
"""
_base_ = ['../vit-b_400e.py']

model = dict(
    contrast_head=dict(
        _delete_=True,
        type='mmguided.CosineHead',
        # An MLP of two layers. The paper does not state the hidden width; a quarter, as in SimSiam.
        predictor=dict(
            type='NonLinearNeck',
            in_channels=256,
            hid_channels=64,
            out_channels=256,
            with_bias=False,
            with_last_bn=False,
            with_last_bias=True,
            with_avg_pool=False,
            norm_cfg=dict(type='BN1d')),
        loss_weight=0.2))
