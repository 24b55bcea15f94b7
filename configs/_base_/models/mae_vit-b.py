"""MAE with ViT-B/16. Decoder and target take widths, patch size and grid from the backbone."""
model = dict(
    type='mmguided.MAE',
    backbone=dict(type='mmguided.MaskedViT', arch='base', img_size=224, patch_size=16),
    mask_generator=dict(type='mmguided.MaskGenerator', mask_ratio=0.75),
    neck=dict(type='mmguided.MAEDecoder', embed_dims=512, depth=8, num_heads=16),
    target_generator=dict(type='mmguided.PixelTarget', norm_pix=True),
    head=dict(type='mmguided.ReconstructionHead'))
