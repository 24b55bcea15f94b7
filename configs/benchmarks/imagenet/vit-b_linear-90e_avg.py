r"""Linear probe of the mean patch token, as in ccMIM; the recipe is vit-b_linear-90e.py.

    tools/dist_train.sh configs/benchmarks/imagenet/vit-b_linear-90e_avg.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Published top-1, ViT-B: ccMIM 66.9 / 68.9 (300 / 800 epochs of pretraining); in the same paper MAE
62.4 / 67.8 (300 / 1600). The patches are averaged after the encoder's final norm.
"""
_base_ = ['./vit-b_linear-90e.py']

model = dict(
    backbone=dict(out_type='featmap'),
    neck=[
        dict(type='GlobalAveragePooling'),
        dict(type='ClsBatchNormNeck', input_features=None),
    ])
