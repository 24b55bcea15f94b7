r"""UPerNet on ADE20K from CMAE's ViT-B/16; else upernet_vit-b_160k.py.

    tools/dist_train.sh configs/benchmarks/ade20k/upernet_vit-b_cmae-160k.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT
    tools/dist_test.sh configs/benchmarks/ade20k/upernet_vit-b_cmae-160k.py TRAINED 8

As the paper states, modules that are not pretrained have Xavier initialization (Sec. 4.3). It
follows "the settings of compared methods" and states no rates.

Hardware: 8 GPUs with 2 images each, mixed precision; time not measured yet. mIoU that CMAE reports:
51.0 (1600 epochs), and 48.1 for MAE. Ours: not measured.
"""
_base_ = ['./upernet_vit-b_160k.py']

xavier = dict(type='mmguided.XavierConv2d')
model = dict(
    # The encoder's weights are loaded afterwards.
    init_cfg=dict(type='Xavier', layer=['Conv2d', 'ConvTranspose2d'], distribution='uniform'),
    decode_head=dict(conv_cfg=xavier, init_cfg=None),
    auxiliary_head=dict(conv_cfg=xavier, init_cfg=None))
