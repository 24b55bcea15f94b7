r"""Mask R-CNN on COCO for 12 epochs from a pretrained ConvNeXt V2-B.

    tools/dist_train.sh configs/benchmarks/coco/convnextv2-b_mask-rcnn-1x.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

No paper here reports detection with this encoder. The recipe is vit-b_mask-rcnn-1x_cae.py with drop
path .3.
"""
_base_ = ['./vit-b_mask-rcnn-1x_cae.py']

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
        in_channels=[None] * 4,
        out_channels=256,
        num_outs=5))
