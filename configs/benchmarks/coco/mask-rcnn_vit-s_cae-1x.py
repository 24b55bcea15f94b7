r"""Mask R-CNN with a pretrained ViT-S/16 on COCO; protocol as mask-rcnn_vit-b_cae-1x.py.

    tools/dist_train.sh configs/benchmarks/coco/mask-rcnn_vit-s_cae-1x.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Drop path is .1 at this size. Hardware: 8 GPUs with 4 images each, not measured yet. Box / mask AP
that ccMIM reports for ViT-S after 300 epochs of pretraining: 44.3 / 39.5. Ours: not measured.
"""
_base_ = ['./mask-rcnn_vit-b_cae-1x.py']

model = dict(
    backbone=dict(arch='small', drop_path_rate=0.1),
    neck=[
        dict(type='mmseg.Feature2Pyramid', embed_dim=384, rescales=[4, 2, 1, 0.5]),
        dict(type='FPN', in_channels=[384] * 4, out_channels=256, num_outs=5),
    ])
