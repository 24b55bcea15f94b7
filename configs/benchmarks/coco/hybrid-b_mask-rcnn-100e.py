r"""Mask R-CNN on COCO for 100 epochs from a pretrained hybrid ViT-B.

    tools/dist_train.sh configs/benchmarks/coco/hybrid-b_mask-rcnn-100e.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Published box / mask AP after 1600 epochs of pretraining: CMAE 52.9 / 47.0, ConvMAE 52.5 / 46.5. The
recipe is vit-b_mask-rcnn-100e_vitdet.py. As in ConvMAE's detector, the FPN takes the encoder's maps
at several scales, and the window size is 16 x 16 patches.
"""
_base_ = ['./vit-b_mask-rcnn-100e_vitdet.py']

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmguided.DenseHybridViT',
        arch='base',
        img_size=224,
        window_size=16,
        global_blocks=(0, 3, 6, 10),
        drop_path_rate=0.1,
        init_cfg=dict(type='Pretrained', checkpoint='', prefix='backbone.')),
    neck=dict(
        _delete_=True,
        type='FPN',
        in_channels=[None] * 4,
        out_channels=256,
        num_outs=5,
        norm_cfg=dict(type='SyncBN')))
