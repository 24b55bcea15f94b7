r"""Linear probe of a pretrained ConvNeXt V2-B on ImageNet-1K; protocol as vit-b_linear-90e.py.

    tools/dist_train.sh configs/benchmarks/imagenet/convnextv2-b_linear-90e.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

The feature is that of convnextv2-b_knn.py.

Hardware: 8 GPUs with 2048 images each, not measured yet. No paper here reports this number.
"""
_base_ = ['./vit-b_linear-90e.py']

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmguided.DenseConvNeXt',
        arch='base',
        use_grn=True,
        layer_scale_init_value=0.,
        gap_before_final_norm=True,
        frozen_stages=4,  # all of them
        init_cfg=dict(type='Pretrained', checkpoint='', prefix='backbone.')),
    neck=dict(input_features=1024),
    head=dict(in_channels=1024))
