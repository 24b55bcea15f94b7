"""Encoder of the vit-micro configs: 4 blocks of width 128 on 8 x 8 patches of 4 x 4 pixels."""
encoder = dict(
    arch=dict(
        _delete_=True, embed_dims=128, num_layers=4, num_heads=4, feedforward_channels=512),
    img_size=32,
    patch_size=4)
