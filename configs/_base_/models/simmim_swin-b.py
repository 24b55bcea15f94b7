"""SimMIM with Swin-B: units of 32 x 32 pixels, 22 of 36 masked, L1 on the normalized image.

Stochastic depth is disabled, as in the code of SimMIM; the config of mmpretrain has 0.1.
"""
model = dict(
    type='mmguided.MAE',
    backbone=dict(
        type='mmguided.MaskedSwin', arch='base', img_size=192, window_size=6, drop_path_rate=0.),
    mask_generator=dict(type='mmguided.MaskGenerator', mask_ratio=0.6),
    target_generator=dict(type='mmguided.PixelTarget', norm_pix=False),
    # There is no decoder. The head is a linear layer on the latents with torch's initialization.
    head=dict(type='mmguided.ReconstructionHead', loss='l1', init_cfg=None))
