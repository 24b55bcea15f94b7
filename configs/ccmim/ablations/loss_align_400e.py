"""ccMIM ablation (Fig. 2): lambda with the SimSiam form of Eq. 8, 400 epochs; 0.2 unless

    --cfg-options model.contrast_head.loss_weight=LAMBDA

is added to the command, with LAMBDA = 0, 0.1, 0.2, 0.4, 0.6, 0.8 or 1.

    tools/dist_train.sh configs/ccmim/ablations/loss_align_400e.py 8

Hardware: 8 GPUs, 128 images each, total batch 1024; --auto-scale-lr for any other number. Time: not
measured by us.
The paper finds 0.2 best for both forms (a plot without a table); its rate as in loss_nce_400e.py.
Ours: not measured.
"""
_base_ = ['./loss_nce_400e.py']

model = dict(
    contrast_head=dict(
        _delete_=True,
        type='mmguided.CosineHead',
        # A two-layer MLP; its width, of which the paper says nothing, is SimSiam's quarter.
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
