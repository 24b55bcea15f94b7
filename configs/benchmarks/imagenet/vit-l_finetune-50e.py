r"""Fine-tune a pretrained ViT-L/16 on ImageNet-1K with MAE's recipe for this size.

    tools/dist_train.sh configs/benchmarks/imagenet/vit-l_finetune-50e.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Published top-1: MAE 85.9 (1600 epochs of pretraining). The recipe follows FINETUNE.md of the
released code.
"""
_base_ = ['./vit-b_finetune-100e.py']

max_epochs = 50
lr = 1e-3 * 1024 / 256

model = dict(backbone=dict(arch='large', drop_path_rate=0.2))
optim_wrapper = dict(optimizer=dict(lr=lr), paramwise_cfg=dict(layer_decay_rate=0.75))
param_scheduler = [
    _base_.param_scheduler[0],
    dict(_base_.param_scheduler[1], end=max_epochs, eta_min_ratio=1e-6 / lr),
]
train_cfg = dict(max_epochs=max_epochs)
