"""What the k-NN and the linear evaluation of the quickstart's encoder share: the encoder, as
ccmim_vit-micro.py pretrains it, and the labeled images."""
encoder = dict(
    arch=dict(
        _delete_=True, embed_dims=64, num_layers=3, num_heads=4, feedforward_channels=256),
    img_size=42,
    patch_size=6,
    out_type='featmap')
digits = dict(
    data_root='work_dirs/quickstart/data',
    pipeline=[
        dict(type='LoadImageFromFile', imdecode_backend='pillow'),
        dict(
            type='ResizeEdge',
            scale=42,
            edge='short',
            backend='pillow',
            interpolation='bicubic'),
        dict(type='CenterCrop', crop_size=42),
        dict(type='PackInputs')
    ])
