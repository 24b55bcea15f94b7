r"""Mask R-CNN on COCO for 12 epochs from a pretrained ViT-B/16 with ccMIM's recipe.

    tools/dist_train.sh configs/benchmarks/coco/vit-b_mask-rcnn-1x_cae.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Published box / mask AP, ViT-B: ccMIM 49.1 / 43.1 (300 epochs of pretraining) and 50.3 / 44.5 (800);
MAE in the same paper 45.4 / 40.6 (300) and 48.4 / 42.6 (1600). For ViT-S, see README.md. The
detector follows CAE.
"""
_base_ = [
    '../../_base_/coco_mask-rcnn.py',
    'mmdet::_base_/datasets/coco_instance.py',
    'mmdet::_base_/schedules/schedule_1x.py',
    'mmdet::_base_/default_runtime.py',
]

model = dict(
    backbone=dict(out_indices=(3, 5, 7, 11), drop_path_rate=0.2),
    neck=[
        # None selects the sizes of the backbone.
        dict(type='mmseg.Feature2Pyramid', embed_dim=None, rescales=None),
        dict(type='FPN', in_channels=[None] * 4, out_channels=256, num_outs=5),
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
                dict(  # each side is between these two sizes
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
    dataset=dict(pipeline=train_pipeline))

optim_wrapper = dict(
    _delete_=True,
    type='AmpOptimWrapper',
    loss_scale='dynamic',
    optimizer=dict(
        type='AdamW', lr=3e-4, betas=(0.9, 0.999), weight_decay=0.05, fused=True),
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

default_hooks = _base_.run_hooks
