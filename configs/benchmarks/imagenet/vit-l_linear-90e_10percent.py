r"""Linear probe of a pretrained ViT-L/16 with 10 % of ImageNet-1K's labels.

    tools/dist_train.sh configs/benchmarks/imagenet/vit-l_linear-90e_10percent.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Protocol as vit-b_linear-90e_10percent.py. Hardware: 8 GPUs with 128 images each, not measured yet.
No paper here reports this number.
"""
_base_ = ['./vit-b_linear-90e_10percent.py']

model = dict(
    backbone=dict(arch='large', frozen_stages=24),
    neck=dict(input_features=1024),
    head=dict(in_channels=1024))
