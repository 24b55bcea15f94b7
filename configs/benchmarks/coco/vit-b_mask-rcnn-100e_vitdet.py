r"""Mask R-CNN on COCO for 100 epochs from a pretrained ViT-B/16, with ViTDet's detector.

    tools/dist_train.sh configs/benchmarks/coco/vit-b_mask-rcnn-100e_vitdet.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Published box / mask AP, ViT-B after 1600 epochs of pretraining: CMAE 52.4 / 46.5, and MAE in the
same paper 51.7 / 45.9 and 50.3 / 44.9 (see README.md); MAE in ViTDet's paper 51.6 / 45.9.

In contrast to ViTDet, there are no relative position embeddings, see README.md. To save memory, set
model.backbone.with_cp=True.
"""
_base_ = [
    '../../_base_/coco_mask-rcnn.py',
    'mmdet::common/lsj-100e_coco-instance.py',
]

image_size = (1024, 1024)
norm_cfg = dict(type='mmpretrain.LN2d', eps=1e-6)

model = dict(
    # Every image is padded to a square, because positions are resampled to this size. The
    # preprocessor pads instead of the pipeline, so that predictions are clipped to the image
    # without padding.
    data_preprocessor=dict(pad_size_divisor=image_size[0]),
    backbone=dict(window_size=14, global_blocks=(2, 5, 8, 11), drop_path_rate=0.1),
    neck=dict(_delete_=True, type='mmguided.SimpleFeaturePyramid', in_channels=None, rescales=None),
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
train_dataloader = dict(batch_size=8, num_workers=8)
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

optim_wrapper = dict(
    _delete_=True,
    type='AmpOptimWrapper',
    loss_scale='dynamic',
    optimizer=dict(
        type='AdamW', lr=1e-4, betas=(0.9, 0.999), weight_decay=0.1, fused=True),
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
