r"""Linear probe of a pretrained ViT-L/16 on ImageNet-1K; protocol as vit-b_linear-90e.py.

    tools/dist_train.sh configs/benchmarks/imagenet/vit-l_linear-90e.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

The released MAE finds 50 epochs sufficient at this size. Hardware: 8 GPUs with 2048 images each,
not measured yet. Top-1 that MAE reports for ViT-L: 75.8 in the paper, 76.0 from the released code.
"""
_base_ = ['./vit-b_linear-90e.py']

model = dict(
    backbone=dict(arch='large', frozen_stages=24),
    neck=dict(input_features=1024),
    head=dict(in_channels=1024))
