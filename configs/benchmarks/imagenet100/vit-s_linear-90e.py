r"""Linear probe of a pretrained ViT-S/16 on ImageNet-100; protocol as vit-b_linear-90e.py.

    tools/dist_train.sh configs/benchmarks/imagenet100/vit-s_linear-90e.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Hardware: 8 GPUs with 128 images each, not measured yet. Top-1 that Conditional MAE reports
(Tables 1, 3 and 7; Figs. 2 and 3 are plots), on a subset that it does not name: MAE 45.0, with 90 %
masked 44.9; L(0,10;.75,.15) 31.0, weighted by ratios 35.2; L(0,10,11;.75,.1,.1) 29.6. Ours: not
measured.
"""
_base_ = ['./vit-b_linear-90e.py']

model = dict(
    backbone=dict(arch='small'),
    neck=dict(input_features=384),
    head=dict(in_channels=384))
