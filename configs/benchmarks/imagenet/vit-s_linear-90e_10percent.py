r"""Linear probe of a pretrained ViT-S/16 with 10 % of ImageNet-1K's labels.

    tools/dist_train.sh configs/benchmarks/imagenet/vit-s_linear-90e_10percent.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Protocol as vit-b_linear-90e_10percent.py. Hardware: 8 GPUs with 128 images each, not measured yet.
No paper here reports this number.
"""
_base_ = ['./vit-b_linear-90e_10percent.py']

model = dict(
    backbone=dict(arch='small'),
    neck=dict(input_features=384),
    head=dict(in_channels=384))
