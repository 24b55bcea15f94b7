"""CMAE, ViT-S/16, on any folder of images, see docs/your_images.md.

    python tools/train.py configs/cmae/vit-s_images.py --data-root FOLDER

Flips are added to the paper's augmentation. For ViT-B/16, add `--cfg-options
model.backbone.arch=base`. Data and schedule are those of configs/_base_/images.py.
"""
_base_ = [
    '../_base_/models/cmae_vit-b.py',
    '../_base_/datasets/color_transforms.py',
    '../_base_/images.py',
]

model = dict(backbone=dict(arch='small'))

load, crop, flip, pack = _base_.train_pipeline
train_pipeline = [
    load,
    dict(crop, scale=256),
    flip,
    dict(
        type='mmguided.PixelShift',
        crop_size=224,
        max_shift=31,
        target_transforms=[_base_.color_jitter, _base_.grayscale, _base_.gaussian_blur]),
    pack,
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
