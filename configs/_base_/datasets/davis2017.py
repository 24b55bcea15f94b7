"""Validation videos of DAVIS-2017 at 480p: data/DAVIS/{ImageSets,JPEGImages,Annotations}."""
test_dataloader = dict(
    batch_size=1,  # sequences differ in length and size
    num_workers=2,
    persistent_workers=False,
    pin_memory=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='pseudo_collate'),
    dataset=dict(
        type='mmguided.DAVIS2017',
        data_root='data/DAVIS',
        ann_file='ImageSets/2017/val.txt',
        test_mode=True,
        pipeline=[
            dict(type='mmguided.LoadVideo'),
            dict(
                type='PackInputs',
                algorithm_keys=('gt_masks', ),
                meta_keys=('sequence', 'frame_names'))
        ]))
test_cfg = dict()
