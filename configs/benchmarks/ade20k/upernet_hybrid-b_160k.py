r"""UPerNet on ADE20K from a pretrained hybrid ViT-B; protocol as upernet_vit-b_160k.py.

    tools/dist_train.sh configs/benchmarks/ade20k/upernet_hybrid-b_160k.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT
    tools/dist_test.sh configs/benchmarks/ade20k/upernet_hybrid-b_160k.py TRAINED 8

The encoder has scales of its own, which take the place of the taps: both convolutional stages, the
last block and its map pooled, strides 4, 8, 16 and 32. CMAE states no rates for segmentation: these
are MAE's for ViT-B.

Hardware: 8 GPUs with 2 images each, mixed precision; time not measured yet. mIoU that CMAE reports
after 1600 epochs of pretraining: CMAE 52.5, ConvMAE 50.7. Ours: not measured.
"""
_base_ = ['./upernet_vit-b_160k.py']

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmguided.DenseHybridViT',
        arch='base',
        img_size=512,
        drop_path_rate=0.1,
        init_cfg=dict(type='Pretrained', checkpoint='', prefix='backbone.')),
    neck=None,
    decode_head=dict(in_channels=[256, 384, 768, 768]))
