r"""Linear probe of the ViT that the vit-micro_folder-32.py configs pretrain, in 5 epochs.

    python tools/train.py configs/benchmarks/folder/vit-micro_linear.py --data-root FOLDER \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT model.head.num_classes=10

The feature is the mean patch token; the other settings are those of vit-tiny_linear.py.
"""
_base_ = ['./vit-tiny_linear.py', '../../_base_/vit-micro.py']

max_epochs = 5

model = dict(
    backbone=dict(out_type='featmap', **_base_.encoder),
    neck=[
        dict(type='GlobalAveragePooling'),
        dict(type='ClsBatchNormNeck', input_features=None),
    ])

optim_wrapper = dict(optimizer=dict(lr=1e-2))
param_scheduler = [dict(_base_.param_scheduler[0], end=max_epochs)]
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
