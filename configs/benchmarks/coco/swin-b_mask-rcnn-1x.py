r"""Mask R-CNN on COCO for 12 epochs from a pretrained Swin-B.

    tools/dist_train.sh configs/benchmarks/coco/swin-b_mask-rcnn-1x.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

No paper here reports detection with this encoder. The recipe is vit-b_mask-rcnn-1x_cae.py with drop
path .3 and layer decay .9, because the decay covers 24 layers. The attention windows are those of
pretraining.
"""
_base_ = ['./vit-b_mask-rcnn-1x_cae.py']

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmguided.DenseSwin',
        arch='base',
        img_size=192,
        window_size=6,
        pad_small_map=True,
        out_indices=(0, 1, 2, 3),
        drop_path_rate=0.3,
        init_cfg=dict(type='Pretrained', checkpoint='', prefix='backbone.')),
    neck=dict(
        _delete_=True,
        type='FPN',
        in_channels=[None] * 4,
        out_channels=256,
        num_outs=5))

optim_wrapper = dict(
    paramwise_cfg=dict(
        _delete_=True,
        layer_decay_rate=0.9,
        flat_decay_mult=0.,
        custom_keys={'.relative_position_bias_table': dict(decay_mult=0.)}))
