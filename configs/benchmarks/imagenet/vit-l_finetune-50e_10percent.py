r"""Fine-tuning of a pretrained ViT-L/16 on 10 % of ImageNet-1K.

    tools/dist_train.sh configs/benchmarks/imagenet/vit-l_finetune-50e_10percent.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

As vit-b_finetune-100e_10percent.py, and with Semi-ViT's rates of this size: 50 epochs, base lr 1e-3
per 256 images = 2e-3, layer decay .75, drop path .1.

Hardware: 8 GPUs with 64 images each, not measured yet. Known elsewhere: 79.2 by Semi-ViT, on a
subset of its own, of MAE's ViT-L. Ours: not measured.
"""
_base_ = ['./vit-b_finetune-100e_10percent.py']

max_epochs = 50
lr = 1e-3 * 512 / 256

model = dict(backbone=dict(arch='large'), head=dict(in_channels=1024))
optim_wrapper = dict(optimizer=dict(lr=lr), paramwise_cfg=dict(layer_decay_rate=0.75))
param_scheduler = [
    _base_.param_scheduler[0],
    dict(
        _base_.param_scheduler[1],
        T_max=max_epochs - _base_.warmup_epochs,
        end=max_epochs,
        eta_min_ratio=1e-6 / lr),
]
train_cfg = dict(max_epochs=max_epochs)
