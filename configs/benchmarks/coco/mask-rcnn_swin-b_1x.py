r"""Mask R-CNN with a pretrained Swin-B on COCO, 12 epochs.

    tools/dist_train.sh configs/benchmarks/coco/mask-rcnn_swin-b_1x.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

No paper here detects with this encoder: heads, data, schedule and rates are those of
mask-rcnn_vit-b_cae-1x.py with drop path .3; the stages enter the FPN. Windows keep the 6 x 6 tokens
of pretraining at 192 px. Layers count as in mmpretrain, 24 blocks through all stages, so the layer
decay is .9 in place of .75 for 12.

Hardware: 8 GPUs with 4 images each, not measured yet. Papers: no number. Ours: not measured.
"""
_base_ = ['./mask-rcnn_vit-b_cae-1x.py']

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
        in_channels=[128, 256, 512, 1024],
        out_channels=256,
        num_outs=5))

optim_wrapper = dict(
    paramwise_cfg=dict(
        _delete_=True,
        layer_decay_rate=0.9,
        flat_decay_mult=0.,
        custom_keys={'.relative_position_bias_table': dict(decay_mult=0.)}))
