"""AttMask-like with ViT-B/16: MAE that masks the patches with the highest attention of a momentum
encoder, except for a tenth that is left visible as hints."""
_base_ = ['./mae_vit-b.py']

model = dict(
    momentum_encoder=dict(type='mmguided.MomentumEncoder', momentum=0.996, end_momentum=1.0),
    mask_generator=dict(
        sampling=dict(
            type='mmguided.HintSampling',
            sampling=dict(type='mmguided.TopKSampling'),
            ratio=0.1),
        guidance=dict(type='mmguided.ClsAttention', source='momentum', layers=[-1])))
