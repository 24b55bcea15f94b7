r"""Linear probe of a pretrained hybrid ViT-B on ImageNet-1K; the recipe is vit-b_linear-90e_avg.py.

    tools/dist_train.sh configs/benchmarks/imagenet/hybrid-b_linear-90e.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

The feature is that of hybrid-b_knn.py.
"""
_base_ = ['./vit-b_linear-90e_avg.py']

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmguided.MaskedHybridViT',
        arch='base',
        img_size=224,
        out_type='featmap',
        init_cfg=dict(type='Pretrained', checkpoint='', prefix='backbone.')))
