r"""ccMIM in minutes on two cores: a ViT of 3 blocks, 64 wide, on 42 x 42 images, 7 x 7 patches.

    bash tools/quickstart.sh [IMAGE_FOLDER]

prepares the images below `data_root`, runs this config and evaluates the encoder. It shows the
machinery and says nothing about ccMIM's quality. Once the images are prepared, this trains too:

    python tools/train.py configs/quickstart/ccmim_vit-micro.py
"""
_base_ = [
    '../_base_/models/ccmim_vit-b.py',
    '../_base_/quickstart_evaluation.py',
    '../_base_/default_runtime.py',
]

data_root = 'work_dirs/quickstart/data'
work_dir = 'work_dirs/quickstart'
image_size = 42
max_epochs = 12

model = dict(
    data_preprocessor=dict(
        type='SelfSupDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        to_rgb=True),
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
        # Not the paper's 75 %: 12 visible patches of 49 are little for so short a run.
        mask_ratio=0.6,
        guidance=dict(softmax='heads'),  # as released
        # The paper's ratio of score and noise, in a share of the images that rises from none to
        # all, with a fifth of what would be masked left visible. Without the ramp the encoder
        # learns less here, see docs/guidance_study.md.
        sampling=dict(
            _delete_=True,
            type='mmguided.HintSampling',
            sampling=dict(type='mmguided.ImportanceSampling', log_scores=True),
            ratio=0.2),
        schedule=dict(begin=0, ramp=max_epochs)),
    neck=dict(embed_dims=48, depth=1, num_heads=4),
    # Patches of even color, such as a digit's background, would be noise if normalized.
    target_generator=dict(norm_pix=False))

train_pipeline = [
    dict(type='LoadImageFromFile', imdecode_backend='pillow'),
    # No flips: a mirrored digit is none.
    dict(
        type='RandomResizedCrop',
        scale=image_size,
        crop_ratio_range=(0.5, 1.0),
        backend='pillow',
        interpolation='bicubic'),
    dict(type='PackInputs')
]

train_dataloader = dict(
    batch_size=64,
    num_workers=1,
    persistent_workers=False,
    worker_init_fn=dict(type='mmguided.datasets.worker_init_fn'),
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
    optimizer=dict(type='AdamW', lr=3e-3, betas=(0.9, 0.95), weight_decay=0.05),
    paramwise_cfg=dict(norm_decay_mult=0., bias_decay_mult=0., flat_decay_mult=0.))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-2, by_epoch=False, begin=0, end=200),
    dict(
        type='CosineAnnealingLR',
        T_max=max_epochs,
        by_epoch=True,
        eta_min=0.,
        convert_to_iter_based=True)
]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs)

default_hooks = dict(
    logger=dict(interval=10), checkpoint=dict(interval=max_epochs, max_keep_ckpts=1))
custom_hooks = [
    dict(
        type='mmguided.FigureSheetHook',
        dataset=dict(
            type='mmguided.ImageFolder',
            data_root=data_root,
            data_prefix='val',
            with_label=False,
            pipeline=_base_.digits.pipeline),
        indices=(0, 1, 2, 3, 4, 5)),
]
visualizer = dict(vis_backends=[dict(type='LocalVisBackend')])
