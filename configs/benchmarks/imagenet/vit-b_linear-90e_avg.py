r"""Linear probe on the mean patch token, as ccMIM's paper evaluates; else vit-b_linear-90e.py.

    tools/dist_train.sh configs/benchmarks/imagenet/vit-b_linear-90e_avg.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

The patches are averaged after the encoder's final norm, as pretraining left it. This is our
choice: the paper says no more than "the average embedding of patches". The released MAE's
--global_pool drops the final norm, averages and then applies a new layer norm, which a probe leaves
at its initial values; mmpretrain's out_type='avg_featmap' adds a new layer norm (ln2) behind the
final one. Neither norm is in a pretraining checkpoint, and the batch normalization before the
linear layer fixes the scale of every feature anyway.

Hardware: 8 GPUs with 2048 images each, not measured yet. Top-1 that ccMIM reports for ViT-B:
66.9 / 68.9 (300 / 800 epochs); it gives MAE 62.4 / 67.8 (300 / 1600).
"""
_base_ = ['./vit-b_linear-90e.py']

model = dict(
    backbone=dict(out_type='featmap'),
    neck=[
        dict(type='GlobalAveragePooling'),
        dict(type='ClsBatchNormNeck', input_features=768),
    ])
