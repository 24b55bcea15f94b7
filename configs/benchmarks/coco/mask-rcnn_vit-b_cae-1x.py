r"""Mask R-CNN with a pretrained ViT-B/16 on COCO, CAE's setting, 12 epochs: ccMIM's protocol.

    tools/dist_train.sh configs/benchmarks/coco/mask-rcnn_vit-b_cae-1x.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

ccMIM's paper states: following CAE, images with a short side of 480 to 800 and a long side of at
most 1333; 32 images a step, lr 3e-4, divided by 10 after epochs 9 and 11, layer decay .75, drop
path .2. The rest is CAE's released detector: blocks 4, 6, 8 and 12, resampled to strides 4, 8, 16
and 32, enter an FPN; 2000 proposals in training; a box head of four convolutions and a linear
layer with SyncBN, whose decoded boxes enter a GIoU loss of weight 10; half of the images cropped
before their last resizing, as in DETR; AdamW with weight decay .05, but none of biases, norms and
positions; 500 iterations of warm-up. Departures: see README.md.
Another batch: set train_dataloader.batch_size and add --auto-scale-lr.

Hardware: 8 GPUs with 4 images each, not measured yet. Box / mask AP that ccMIM reports for ViT-B:
ccMIM 49.1 / 43.1 (300 epochs of pretraining) and 50.3 / 44.5 (800); MAE 45.4 / 40.6 (300) and
48.4 / 42.6 (1600). Ours: not measured.
"""
_base_ = [
    '../../_base_/models/coco_mask-rcnn_vit-b.py',
    '../../_base_/coco_runtime.py',
    'mmdet::_base_/datasets/coco_instance.py',
    'mmdet::_base_/schedules/schedule_1x.py',
    'mmdet::_base_/default_runtime.py',
]

model = dict(
    backbone=dict(out_indices=(3, 5, 7, 11), drop_path_rate=0.2),
    neck=[
        dict(type='mmseg.Feature2Pyramid', embed_dim=768, rescales=[4, 2, 1, 0.5]),
        dict(type='FPN', in_channels=[768] * 4, out_channels=256, num_outs=5),
    ],
    roi_head=dict(
        bbox_head=dict(
            type='Shared4Conv1FCBBoxHead',
            norm_cfg=dict(type='SyncBN', requires_grad=True),
            reg_decoded_bbox=True,
            loss_bbox=dict(type='GIoULoss', loss_weight=10.))),
    train_cfg=dict(rpn_proposal=dict(nms_pre=2000, max_per_img=2000)))

resize = dict(
    type='RandomChoiceResize',
    scales=[(short, 1333) for short in range(480, 801, 32)],
    keep_ratio=True)
train_pipeline = [
    dict(type='LoadImageFromFile', backend_args=None),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='RandomFlip', prob=0.5),
    dict(
        type='RandomChoice',
        transforms=[
            [resize],
            [
                dict(
                    type='RandomChoiceResize',
                    scales=[(400, 1333), (500, 1333), (600, 1333)],
                    keep_ratio=True),
                dict(  # each side between these two
                    type='RandomCrop',
                    crop_type='absolute_range',
                    crop_size=(384, 600),
                    allow_negative_crop=True),
                resize,
            ],
        ]),
    dict(type='PackDetInputs')
]
train_dataloader = dict(
    batch_size=4,
    num_workers=4,
    persistent_workers=False,
    worker_init_fn=dict(type='mmguided.datasets.worker_init_fn'),
    dataset=dict(pipeline=train_pipeline))

optim_wrapper = dict(
    _delete_=True,
    type='AmpOptimWrapper',
    loss_scale='dynamic',
    optimizer=dict(type='AdamW', lr=3e-4, betas=(0.9, 0.999), weight_decay=0.05),
    constructor='mmguided.LayerDecayOptimWrapperConstructor',
    paramwise_cfg=dict(
        layer_decay_rate=0.75,
        flat_decay_mult=0.,
        custom_keys={'.cls_token': dict(decay_mult=0.), '.pos_embed': dict(decay_mult=0.)}))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=500),
    dict(type='MultiStepLR', by_epoch=True, begin=0, end=12, milestones=[9, 11], gamma=0.1)
]
auto_scale_lr = dict(base_batch_size=32)

default_hooks = dict(checkpoint=dict(max_keep_ckpts=2), **_base_.run_hooks)
