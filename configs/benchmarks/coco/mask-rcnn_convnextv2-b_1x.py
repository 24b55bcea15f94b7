r"""Mask R-CNN with a pretrained ConvNeXt V2-B on COCO, 12 epochs.

    tools/dist_train.sh configs/benchmarks/coco/mask-rcnn_convnextv2-b_1x.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

No paper here detects with this encoder: heads, data, schedule and rates are those of
mask-rcnn_vit-b_cae-1x.py with drop path .3; the stages enter the FPN. Layers count as in
mmpretrain, which groups the 36 blocks into 12.

Hardware: 8 GPUs with 4 images each, not measured yet. Papers: no number. Ours: not measured.
"""
_base_ = ['./mask-rcnn_vit-b_cae-1x.py']

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmguided.DenseConvNeXt',
        arch='base',
        use_grn=True,
        layer_scale_init_value=0.,
        out_indices=(0, 1, 2, 3),
        drop_path_rate=0.3,
        init_cfg=dict(type='Pretrained', checkpoint='', prefix='backbone.')),
    neck=dict(
        _delete_=True,
        type='FPN',
        in_channels=[128, 256, 512, 1024],
        out_channels=256,
        num_outs=5))
