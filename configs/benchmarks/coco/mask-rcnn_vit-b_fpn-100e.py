r"""Mask R-CNN with a pretrained ViT-B/16 and an FPN on COCO, 100 epochs: CMAE's protocol, in the
detector that it cites.

    tools/dist_train.sh configs/benchmarks/coco/mask-rcnn_vit-b_fpn-100e.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

CMAE (Sec. 4.3) states 100 epochs, lr 1e-4 with a cosine, weight decay .1, and cites
arXiv:2111.11429 for the detector: the last maps of the blocks in four equal parts, resampled to
strides 4, 8, 16 and 32, enter an FPN; windows but in those four blocks; SyncBN in pyramid and
heads. All else is that of mask-rcnn_vit-b_vitdet-100e.py, the later detector of that paper's
authors.

Hardware: 8 GPUs with 8 images each, not measured yet. Box / mask AP that CMAE reports for ViT-B
after 1600 epochs: 52.4 / 46.5. Ours: not measured.
"""
_base_ = ['./mask-rcnn_vit-b_vitdet-100e.py']

norm_cfg = dict(_delete_=True, type='SyncBN', requires_grad=True)

model = dict(
    backbone=dict(out_indices=(2, 5, 8, 11)),
    neck=[
        dict(type='mmseg.Feature2Pyramid', embed_dim=768, rescales=[4, 2, 1, 0.5]),
        dict(
            type='FPN',
            in_channels=[768] * 4,
            out_channels=256,
            num_outs=5,
            norm_cfg=dict(type='SyncBN', requires_grad=True)),
    ],
    roi_head=dict(bbox_head=dict(norm_cfg=norm_cfg), mask_head=dict(norm_cfg=norm_cfg)))
