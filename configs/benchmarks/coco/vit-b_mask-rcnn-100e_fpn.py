r"""Mask R-CNN on COCO for 100 epochs from a pretrained ViT-B/16, with the detector that CMAE cites.

    tools/dist_train.sh configs/benchmarks/coco/vit-b_mask-rcnn-100e_fpn.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Published box / mask AP, ViT-B: CMAE 52.4 / 46.5 (1600 epochs of pretraining). The detector follows
arXiv:2111.11429, with an FPN on four maps. The other settings are those of
vit-b_mask-rcnn-100e_vitdet.py.
"""
_base_ = ['./vit-b_mask-rcnn-100e_vitdet.py']

norm_cfg = dict(_delete_=True, type='SyncBN', requires_grad=True)

model = dict(
    backbone=dict(out_indices=(2, 5, 8, 11)),
    neck=[
        dict(type='mmseg.Feature2Pyramid', embed_dim=None, rescales=None),
        dict(
            type='FPN',
            in_channels=[None] * 4,
            out_channels=256,
            num_outs=5,
            norm_cfg=dict(type='SyncBN', requires_grad=True)),
    ],
    roi_head=dict(bbox_head=dict(norm_cfg=norm_cfg), mask_head=dict(norm_cfg=norm_cfg)))
