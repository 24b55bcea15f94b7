r"""Semantic FPN on ADE20K from a pretrained ViT-B/16.

    tools/dist_train.sh configs/benchmarks/ade20k/vit-b_fpn-160k.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT
    tools/dist_test.sh configs/benchmarks/ade20k/vit-b_fpn-160k.py TRAINED 8

Published mIoU, ViT-B: ccMIM 46.5 / 47.7 (300 / 800 epochs of pretraining). The text of ccMIM names
FPN, but its Table 3 names UPerNet. Settings that ccMIM does not state follow vit-b_upernet-160k.py.
"""
_base_ = ['../../_base_/ade20k_160k.py', 'mmseg::_base_/models/fpn_r50.py']

model = dict(
    type='mmguided.EncoderDecoder',
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
        # None selects the sizes of the backbone.
        dict(type='Feature2Pyramid', embed_dim=None, rescales=None),
        dict(type='FPN', in_channels=[None] * 4, out_channels=256, num_outs=4)
    ],
    decode_head=dict(num_classes=150),
    test_cfg=dict(mode='slide', crop_size=(512, 512), stride=(341, 341)))
