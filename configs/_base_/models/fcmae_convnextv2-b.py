"""FCMAE (arXiv:2301.00808, Sec. 3.1) with ConvNeXt V2-B. Units of 32 x 32 pixels are masked.

Decoder and target take widths, unit size and grid from the backbone.
"""
model = dict(
    type='mmguided.MAE',
    backbone=dict(
        type='mmguided.MaskedConvNeXt',
        arch='base',
        img_size=224,
        use_grn=True,
        layer_scale_init_value=0.),
    mask_generator=dict(type='mmguided.MaskGenerator', mask_ratio=0.6),
    neck=dict(type='mmguided.ConvNeXtDecoder', embed_dims=512, depth=1),
    target_generator=dict(type='mmguided.PixelTarget', norm_pix=True),
    head=dict(
        type='mmguided.ReconstructionHead',
        init_cfg=dict(type='TruncNormal', layer='Linear', std=0.02)))
