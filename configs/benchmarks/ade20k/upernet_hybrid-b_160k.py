r"""UPerNet on ADE20K from a pretrained hybrid ViT-B; protocol as upernet_vit-b_cmae-160k.py.

    tools/dist_train.sh configs/benchmarks/ade20k/upernet_hybrid-b_160k.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT
    tools/dist_test.sh configs/benchmarks/ade20k/upernet_hybrid-b_160k.py TRAINED 8

The encoder has scales of its own, which take the place of the taps: both convolutional stages, the
last block and its map pooled, strides 4, 8, 16 and 32. CMAE states no rates for segmentation and
follows "the settings of compared methods": lr 1e-4, layer decay .75 and drop path .2 are those of
ConvMAE's released code. Modules that are not pretrained have Xavier initialization
(Sec. 4.3). Where else we depart from that code: see README.md.

Hardware: 8 GPUs with 2 images each, mixed precision; time not measured yet. mIoU that CMAE reports
after 1600 epochs of pretraining: CMAE 52.5, ConvMAE 50.7 (its released code says 51.7).
Ours: not measured.
"""
_base_ = ['./upernet_vit-b_cmae-160k.py']

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmguided.DenseHybridViT',
        arch='base',
        img_size=512,
        drop_path_rate=0.2,
        init_cfg=dict(type='Pretrained', checkpoint='', prefix='backbone.')),
    neck=None,
    decode_head=dict(in_channels=[256, 384, 768, 768]))
optim_wrapper = dict(paramwise_cfg=dict(layer_decay_rate=0.75))
