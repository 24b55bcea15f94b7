"""ImageNet-1K's validation images at 224 x 224: data/imagenet/val/<synset>/*.JPEG."""
data_root = 'data/imagenet'

test_pipeline = [
    dict(type='mmguided.LoadImage'),
    dict(type='mmguided.ResizeEdge', scale=256, edge='short', interpolation='bicubic'),
    dict(type='CenterCrop', crop_size=224),
    dict(type='PackInputs')
]
test_dataloader = dict(
    batch_size=256,
    num_workers=8,
    persistent_workers=False,
    pin_memory=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='default_collate'),
    dataset=dict(type='ImageNet', data_root=data_root, split='val', pipeline=test_pipeline))
test_cfg = dict()
