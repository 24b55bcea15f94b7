r"""Linear probe of the ViT that the vit-micro_folder-32.py configs pretrain, on the mean of its
patch tokens: 5 epochs of crops and flips.

    python tools/train.py configs/benchmarks/folder/vit-micro_linear.py --data-root FOLDER \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT model.head.num_classes=10

Folders, sizes and the rest as in vit-tiny_linear.py.

Hardware: a CPU, in minutes. No paper reports a number for this size.
"""
_base_ = ['./vit-tiny_linear.py']

max_epochs = 5

model = dict(
    backbone=dict(
        arch=dict(
            _delete_=True,
            embed_dims=128,
            num_layers=4,
            num_heads=4,
            feedforward_channels=512),
        frozen_stages=4,
        out_type='featmap'),
    neck=[
        dict(type='GlobalAveragePooling'),
        dict(type='ClsBatchNormNeck', input_features=128),
    ],
    head=dict(in_channels=128))

optim_wrapper = dict(optimizer=dict(lr=1e-2))
param_scheduler = [dict(_base_.param_scheduler[0], T_max=max_epochs)]
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
