r"""Video object segmentation on DAVIS-2017 by a pretrained ViT-B/16: nothing is trained.

    tools/dist_test.sh configs/benchmarks/davis/vit-b_davis.py CHECKPOINT 8

The masks of a video's first frame are carried on by the similarity of patch features: references
are the first frame and the last 7, neighbors within 12 patches, the top 5 count, temperature 0.1
(DINO's evaluation). `--cfg-options test_evaluator.out_dir=FOLDER` writes the masks as images,
`test_evaluator.video_dir=FOLDER` videos.

Hardware: any number of GPUs, or CPUs; sequences are shared out. Time not measured yet on GPUs.
J&F, J and F (means) that CMT-MAE reports: 57.6, 56.7, 58.5; of MAE: 51.0, 49.4, 52.6.
Ours: not measured.
"""
_base_ = [
    '../../_base_/datasets/davis2017.py',
    '../../_base_/default_runtime.py',
]

test_evaluator = dict(type='mmguided.DAVISMetric', out_dir=None, video_dir=None)
# Frames are larger than the images of pretraining; positions are resized to them.
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
