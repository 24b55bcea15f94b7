r"""Mask R-CNN with a pretrained hybrid ViT-B on COCO; protocol as mask-rcnn_vit-b_vitdet-100e.py.

    tools/dist_train.sh configs/benchmarks/coco/mask-rcnn_hybrid-b_vitdet-100e.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

As in ConvMAE's released detector, the encoder's own scales enter an FPN, which takes the place of
the simple feature pyramid: both stages, the last block and its map pooled; windows are 16 x 16
patches, and blocks 1, 4, 7 and 11 of 11 are global. CMAE states its rates for ViT-B alone;
ConvMAE's rates and norms of the heads differ, see README.md.

Hardware: 8 GPUs with 8 images each, not measured yet. Box / mask AP that CMAE reports after 1600
epochs of pretraining: CMAE 52.9 / 47.0, ConvMAE 52.5 / 46.5. Ours: not measured.
"""
_base_ = ['./mask-rcnn_vit-b_vitdet-100e.py']

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
        in_channels=[256, 384, 768, 768],
        out_channels=256,
        num_outs=5,
        norm_cfg=dict(type='SyncBN')))
