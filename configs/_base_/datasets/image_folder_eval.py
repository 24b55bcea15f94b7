"""Any labeled folder of images for evaluation: FOLDER/val/CLASS/*. The size None is the input size
of the encoder, see mmguided.cli.arguments.fill_encoder."""
data_root = 'data/images'

test_pipeline = [
    dict(type='mmguided.LoadImage'),
    dict(type='mmguided.ResizeEdge', scale=None, edge='short', interpolation='bicubic'),
    dict(type='CenterCrop', crop_size=None),
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
