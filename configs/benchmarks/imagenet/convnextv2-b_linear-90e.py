r"""Linear probe of a pretrained ConvNeXt V2-B on ImageNet-1K; the recipe is vit-b_linear-90e.py.

    tools/dist_train.sh configs/benchmarks/imagenet/convnextv2-b_linear-90e.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

The feature is that of convnextv2-b_knn.py.
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
        init_cfg=dict(type='Pretrained', checkpoint='', prefix='backbone.')))
