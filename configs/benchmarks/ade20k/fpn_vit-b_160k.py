r"""Semantic FPN on ADE20K from a pretrained ViT-B/16: the head that ccMIM's text names.

    tools/dist_train.sh configs/benchmarks/ade20k/fpn_vit-b_160k.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT
    tools/dist_test.sh configs/benchmarks/ade20k/fpn_vit-b_160k.py TRAINED 8

ccMIM says that it fine-tunes "in FPN with batch size 16", layer decay .65, drop path .1; its
Table 3 says UPerNet and 160k iterations of its own numbers, and FPN of DeiT's alone (47.0). The
rate, the taps and all else are not stated: they are those of upernet_vit-b_160k.py.

Hardware: 8 GPUs with 2 images each, mixed precision; time not measured yet. mIoU that ccMIM
reports, with whichever head: 46.5 / 47.7 (300 / 800 epochs). Ours: not measured.
"""
_base_ = ['../../_base_/ade20k_160k.py', 'mmseg::_base_/models/fpn_r50.py']

model = dict(
    pretrained=None,
    data_preprocessor=dict(size=(512, 512)),
    backbone=dict(
        _delete_=True,
        type='mmguided.DenseViT',
        arch='base',
        img_size=512,
        patch_size=16,
        out_indices=(3, 5, 7, 11),
        drop_path_rate=0.1,
        init_cfg=dict(type='Pretrained', checkpoint='', prefix='backbone.')),
    neck=[
        dict(type='Feature2Pyramid', embed_dim=768, rescales=[4, 2, 1, 0.5]),
        dict(type='FPN', in_channels=[768, 768, 768, 768], out_channels=256, num_outs=4)
    ],
    decode_head=dict(num_classes=150),
    test_cfg=dict(mode='slide', crop_size=(512, 512), stride=(341, 341)))
