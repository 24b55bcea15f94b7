r"""CMAE in minutes on a CPU: a ViT (6 blocks, width 192) on any folder of small images.

    python tools/train.py configs/cmae/vit-micro_folder-32.py \
        --cfg-options train_dataloader.dataset.data_root=FOLDER

The images are FOLDER/<class>/* or FOLDER/*, cropped to 32 x 32 pixels (8 x 8 patches). The run is
too small to rank the methods. Masks follow the released code.
"""
_base_ = [
    '../_base_/models/cmae_vit-b.py',
    '../_base_/datasets/color_transforms.py',
    '../_base_/micro_folder-32.py',
]

model = dict(
    backbone=_base_.encoder,
    mask_generator=dict(
        sampling=dict(type='mmguided.GridBlockSampling', block_size=2), mask_ratio=0.65),
    neck=_base_.decoder,
    feature_decoder=dict(embed_dims=64, depth=1, num_heads=4),
    projector=dict(hid_channels=256, out_channels=64),
    contrast_head=dict(predictor=dict(in_channels=64, hid_channels=256, out_channels=64)))

train_pipeline = [
    _base_.train_pipeline[0],
    dict(_base_.train_pipeline[1], scale=32 + 4),
    _base_.train_pipeline[2],
    dict(
        type='mmguided.PixelShift',
        crop_size=32,
        max_shift=4,  # 31 of 224 pixels, scaled to 32 pixels (4.4), rounded down
        # There is no blur, because it would remove all detail of images of 32 pixels.
        target_transforms=[_base_.color_jitter, _base_.grayscale]),
    _base_.train_pipeline[-1],
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
