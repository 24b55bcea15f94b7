r"""Linear probe of a pretrained ViT-S/16 on ImageNet-1K; protocol as vit-b_linear-90e.py.

    tools/dist_train.sh configs/benchmarks/imagenet/vit-s_linear-90e.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Hardware: 8 GPUs with 2048 images each, not measured yet. No paper here reports this number.
"""
_base_ = ['./vit-b_linear-90e.py']

model = dict(
    backbone=dict(arch='small'),
    neck=dict(input_features=384),
    head=dict(in_channels=384))
