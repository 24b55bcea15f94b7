"""Encoder of the vit-micro configs: 6 blocks of width 192 on 8 x 8 patches of 4 x 4 pixels."""
encoder = dict(
    arch=dict(
        _delete_=True, embed_dims=192, num_layers=6, num_heads=3, feedforward_channels=768),
    img_size=32,
    patch_size=4)
