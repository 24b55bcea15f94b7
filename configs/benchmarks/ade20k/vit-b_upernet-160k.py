r"""UPerNet on ADE20K from a pretrained ViT-B/16.

    tools/dist_train.sh configs/benchmarks/ade20k/vit-b_upernet-160k.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT
    tools/dist_test.sh configs/benchmarks/ade20k/vit-b_upernet-160k.py TRAINED 8

Published mIoU, ViT-B: MAE 48.1 (1600 epochs of pretraining), CMAE 51.0 (1600), ccMIM 46.5 / 47.7
(300 / 800), Self-guided MAE 45.2 (400). Not all papers state a recipe. This config follows mmseg's
recipe for MAE without relative position embeddings, see README.md.

Tests use a sliding window of 512 x 512. To test whole images, add `--cfg-options
model.test_cfg.mode=whole model.data_preprocessor.test_cfg.size_divisor=16`.
"""
_base_ = ['../../_base_/ade20k_160k.py', 'mmseg::_base_/models/upernet_mae.py']

model = dict(
    type='mmguided.EncoderDecoder',
    data_preprocessor=dict(size=(512, 512)),
    backbone=dict(
        _delete_=True,
        type='mmguided.DenseViT',
        arch='base',
        img_size=512,  # positions are resized on loading and trained at this size
        patch_size=16,
        out_indices=(3, 5, 7, 11),
        drop_path_rate=0.1,
        init_cfg=dict(type='Pretrained', checkpoint='', prefix='backbone.')),
    # None selects the sizes of the backbone.
    neck=dict(embed_dim=None, rescales=None),
    decode_head=dict(in_channels=[None] * 4, channels=None, num_classes=150),
    auxiliary_head=dict(in_channels=None, num_classes=150),
    test_cfg=dict(mode='slide', crop_size=(512, 512), stride=(341, 341)))
