r"""Linear probe of a pretrained hybrid ViT-B on ImageNet-1K; protocol as vit-b_linear-90e_avg.py.

    tools/dist_train.sh configs/benchmarks/imagenet/hybrid-b_linear-90e.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

The feature is the mean patch token, see hybrid-b_knn.py. All 11 blocks are frozen, the
convolutional stages and the fusion of their outputs too.

Hardware: 8 GPUs with 2048 images each, not measured yet. No paper here reports this number.
"""
_base_ = ['./vit-b_linear-90e_avg.py']

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmguided.MaskedHybridViT',
        arch='base',
        img_size=224,
        frozen_stages=11,
        out_type='featmap',
        init_cfg=dict(type='Pretrained', checkpoint='', prefix='backbone.')))
