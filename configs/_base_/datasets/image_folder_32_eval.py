"""Any labeled folder of small images for evaluation at 32 x 32: FOLDER/val/<class>/*."""
data_root = 'data/images'
image_size = 32

test_pipeline = [
    dict(type='mmguided.LoadImage'),
    dict(
        type='ResizeEdge',
        scale=image_size,
        edge='short',
        backend='pillow',
        interpolation='bicubic'),
    dict(type='CenterCrop', crop_size=image_size),
    dict(type='PackInputs')
]
test_dataloader = dict(
    batch_size=256,
    num_workers=2,
    persistent_workers=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        type='mmguided.ImageFolder',
        data_root=data_root,
        data_prefix='val',
        with_label=True,
        test_mode=True,
        pipeline=test_pipeline))
test_cfg = dict()
