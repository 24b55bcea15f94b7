r"""Mask R-CNN with a pretrained ViT-B/16 on COCO, ViTDet's setting, 100 epochs: CMAE's protocol.

    tools/dist_train.sh configs/benchmarks/coco/mask-rcnn_vit-b_vitdet-100e.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

ViTDet (arXiv:2203.16527): a simple feature pyramid from the last map, windows of 14 x 14 patches
with four global blocks, 1024 x 1024 pixels with large-scale jitter (.1 to 2), 64 images a step,
layer decay .7, drop path .1; two convolutions in the RPN, four and a linear layer in the box head,
layer norms in box and mask heads. CMAE (Sec. 4.3) states 100 epochs, lr 1e-4 with a cosine and
weight decay .1; warm-up is ViTDet's 250 iterations. Without its relative positions, see README.md.
Another batch: set train_dataloader.batch_size and add --auto-scale-lr. For less memory add
model.backbone.with_cp=True to --cfg-options.

Hardware: 8 GPUs with 8 images each, not measured yet. Box / mask AP that the papers report for
ViT-B after 1600 epochs of pretraining: CMAE 52.4 / 46.5 in CMAE's, with MAE twice, 51.7 / 45.9 and
50.3 / 44.9 (see README.md); MAE 51.6 / 45.9 in ViTDet's. Ours: not measured.
"""
_base_ = [
    '../../_base_/models/coco_mask-rcnn_vit-b.py',
    '../../_base_/coco_runtime.py',
    'mmdet::common/lsj-100e_coco-instance.py',
]

image_size = (1024, 1024)
norm_cfg = dict(type='mmpretrain.LN2d', eps=1e-6)

model = dict(
    # Every image becomes a square, in training and testing, as positions are resampled to it. Here
    # and not in the pipeline, where predictions in the padding would pass for part of the image.
    data_preprocessor=dict(pad_size_divisor=image_size[0]),
    backbone=dict(window_size=14, global_blocks=(2, 5, 8, 11), drop_path_rate=0.1),
    neck=dict(_delete_=True, type='mmguided.SimpleFeaturePyramid', in_channels=768),
    rpn_head=dict(num_convs=2),
    roi_head=dict(
        bbox_head=dict(
            type='Shared4Conv1FCBBoxHead', conv_out_channels=256, norm_cfg=norm_cfg),
        mask_head=dict(norm_cfg=norm_cfg)))

test_pipeline = [
    dict(type='LoadImageFromFile', backend_args=None),
    dict(type='Resize', scale=image_size, keep_ratio=True),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(
        type='PackDetInputs',
        meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor'))
]
train_dataloader = dict(
    batch_size=8,
    num_workers=8,
    persistent_workers=False,
    worker_init_fn=dict(type='mmguided.datasets.worker_init_fn'))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

optim_wrapper = dict(
    _delete_=True,
    type='AmpOptimWrapper',
    loss_scale='dynamic',
    optimizer=dict(type='AdamW', lr=1e-4, betas=(0.9, 0.999), weight_decay=0.1),
    constructor='mmguided.LayerDecayOptimWrapperConstructor',
    paramwise_cfg=dict(
        layer_decay_rate=0.7,
        norm_decay_mult=0.,
        custom_keys={'.cls_token': dict(decay_mult=0.), '.pos_embed': dict(decay_mult=0.)}))
# 25 epochs of a dataset that is repeated 4 times.
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=250),
    dict(
        type='CosineAnnealingLR',
        by_epoch=True,
        begin=0,
        end=25,
        T_max=25,
        convert_to_iter_based=True)
]
default_hooks = _base_.run_hooks
