"""Encoder and labeled images of the quickstart's evaluations."""
encoder = dict(
    arch=dict(
        _delete_=True, embed_dims=64, num_layers=3, num_heads=4, feedforward_channels=256),
    img_size=42,
    patch_size=6,
    out_type='featmap')
labeled_images = dict(
    data_root='work_dirs/quickstart/data',
    pipeline=[
        dict(type='mmguided.LoadImage'),
        dict(
            type='ResizeEdge',
            scale=42,
            edge='short',
            backend='pillow',
            interpolation='bicubic'),
        dict(type='CenterCrop', crop_size=42),
        dict(type='PackInputs')
    ])
