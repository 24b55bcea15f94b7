"""ccMIM on a CPU in minutes: a ViT of 3 blocks of width 64 on 42 x 42 pixels (7 x 7 patches).

    bash tools/quickstart.sh [IMAGE_FOLDER]

The script prepares the images, runs this config and mae_vit-micro.py, and evaluates both encoders.
"""
_base_ = [
    '../_base_/models/ccmim_vit-b.py',
    '../_base_/quickstart_evaluation.py',
    '../_base_/default_runtime.py',
]

data_root = 'work_dirs/quickstart/data'
work_dir = 'work_dirs/quickstart/ccmim'
image_size = 42

model = dict(
    data_preprocessor=dict(
        type='mmguided.DataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        to_rgb=True,
        non_blocking=True),
    backbone=dict(
        arch=dict(
            _delete_=True,
            embed_dims=64,
            num_layers=3,
            num_heads=4,
            feedforward_channels=256),
        img_size=image_size,
        patch_size=6),
    mask_generator=dict(
        # The paper masks 75 %, but 12 visible patches of 49 are too few for this short run.
        mask_ratio=0.6,
        guidance=dict(softmax='heads'),  # as in the released code
        # The paper's importance sampling, with a fifth of the masked patches left visible as hints.
        # The share of guided images rises from 0 to 1 over the run. Without the ramp, the encoder
        # reaches a lower accuracy, see docs/guidance_study.md.
        sampling=dict(
            _delete_=True,
            type='mmguided.HintSampling',
            sampling=dict(type='mmguided.ImportanceSampling', log_scores=True),
            ratio=0.2),
        schedule=dict(ramp=1., relative=True)),
    neck=dict(embed_dims=48, depth=1, num_heads=4),
    # Normalization would turn patches of uniform color, such as a digit's background, into noise.
    target_generator=dict(norm_pix=False))

train_pipeline = [
    dict(type='mmguided.LoadImage'),
    # There are no flips, because mirrored digits are not digits.
    dict(
        type='mmguided.RandomResizedCrop',
        scale=image_size,
        crop_ratio_range=(0.5, 1.0),
        interpolation='bicubic'),
    dict(type='PackInputs')
]

train_dataloader = dict(
    batch_size=64,
    num_workers=0,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        type='mmguided.ImageFolder',
        data_root=data_root,
        data_prefix='train',
        with_label=False,
        pipeline=train_pipeline))

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=3e-3, betas=(0.9, 0.95), weight_decay=0.05, fused=True),
    constructor='mmguided.OptimWrapperConstructor',
    paramwise_cfg=dict(norm_decay_mult=0., bias_decay_mult=0., flat_decay_mult=0.))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-2, by_epoch=False, begin=0, end=200),
    dict(
        type='CosineAnnealingLR',  # until the end of the run
        by_epoch=True,
        eta_min=0.,
        convert_to_iter_based=True)
]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=12)

default_hooks = dict(
    logger=dict(interval=10), checkpoint=dict(interval=-1))  # only the last checkpoint
custom_hooks = [
    dict(
        type='mmguided.FigureSheetHook',
        dataset=dict(
            type='mmguided.ImageFolder',
            data_root=data_root,
            data_prefix='figures',
            with_label=False,
            pipeline=_base_.labeled_images.pipeline),
        indices=(0, 1, 2, 3, 4, 5)),
]
visualizer = dict(vis_backends=[dict(type='LocalVisBackend')])
