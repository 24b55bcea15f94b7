"""CMAE with ViT-B/16 as in the paper; open details follow the released code.

The paper states masking, encoder and pixel decoder of MAE, a feature decoder of 2 blocks, mean
pooling, InfoNCE with temperature 0.07, lambda_c = 1, and a constant momentum of 0.996. These
settings come from the released code: widths and normalization of projector and predictor, a target
without final norm, and the factor 2 * temperature of the contrast, because lambda_c = 1 was tuned
with this factor (for Eq. 7 as printed, see README.md).
"""
_base_ = ['./mae_vit-b.py']

# Layers: linear, batch norm over all processes, ReLU, linear. The predictor also sets in_channels.
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
