r"""Video object segmentation on DAVIS-2017 with a pretrained ViT-B/16, without training.

    tools/dist_test.sh configs/benchmarks/davis/vit-b_davis.py CHECKPOINT 8

Published J&F, J and F (means): CMT-MAE 57.6, 56.7, 58.5; MAE 51.0, 49.4, 52.6. The protocol follows
DINO. `--cfg-options test_evaluator.out_dir=FOLDER` writes the masks as images, and
`test_evaluator.video_dir=FOLDER` writes videos.
"""
_base_ = ['../../_base_/default_runtime.py']

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

test_evaluator = dict(type='mmguided.DAVISMetric', out_dir=None, video_dir=None)
# Frames are larger than the images of pretraining; positions are resized.
default_hooks = dict(input_size=dict(any_size=True))

model = dict(
    type='mmguided.LabelPropagation',
    short_side=480,
    num_last_frames=7,
    radius=12,
    topk=5,
    temperature=0.1,
    frames_per_batch=4,
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True),
    backbone=dict(
        type='mmguided.MaskedViT',
        arch='base',
        img_size=224,
        patch_size=16,
        out_type='featmap'))
