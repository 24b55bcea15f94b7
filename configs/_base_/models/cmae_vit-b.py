"""CMAE with ViT-B/16 as the paper states it; what it leaves open follows the released code.

Stated: MAE's masking, encoder and pixel decoder, a feature decoder of 2 blocks, mean pooling,
InfoNCE with temperature 0.07, lambda_c = 1, momentum 0.996 throughout. From the released code:
widths and normalization of projector and predictor, a target without final norm, and the factor
2 * temperature of the contrast, under which lambda_c = 1 was tuned; the literal Eq. 7 is
configs/cmae/vit-b_800e_literal-loss.py.
"""
_base_ = ['./mae_vit-b.py']

# Linear - batch norm over all processes - ReLU - linear; the predictor adds its in_channels.
mlp = dict(
    type='NonLinearNeck',
    hid_channels=1536,
    out_channels=256,
    with_bias=True,
    with_last_bn=False,
    with_avg_pool=False,
    norm_cfg=dict(type='mmguided.SyncBatchNorm', eps=1e-6))

model = dict(
    type='mmguided.CMAE',
    momentum_encoder=dict(type='mmguided.MomentumEncoder', momentum=0.996, final_norm=False),
    feature_decoder=dict(type='mmguided.MAEDecoder', embed_dims=512, depth=2, num_heads=16),
    feature_head=dict(type='mmguided.PredictionHead'),
    projector=mlp,
    contrast_head=dict(
        type='mmguided.InfoNCEHead',
        temperature=0.07,
        temperature_scale=True,
        predictor=dict(in_channels=256, **mlp),
        loss_weight=1.0))
