r"""Fine-tuning of a pretrained ViT-L/16 on ImageNet-1K; protocol as vit-b_finetune-100e.py.

    tools/dist_train.sh configs/benchmarks/imagenet/vit-l_finetune-50e.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

As the released MAE does at this size (FINETUNE.md): 50 epochs, base lr 1e-3 per 256 images = 4e-3,
layer decay .75, drop path .2.

Hardware: 8 GPUs with 128 images each, not measured yet. The released MAE took 8 h 52 min on 32
V100. Top-1 that MAE reports for ViT-L: 85.9 (1600 epochs). Ours: not measured.
"""
_base_ = ['./vit-b_finetune-100e.py']

max_epochs = 50
warmup_epochs = 5
lr = 1e-3 * 1024 / 256

model = dict(backbone=dict(arch='large', drop_path_rate=0.2), head=dict(in_channels=1024))
optim_wrapper = dict(optimizer=dict(lr=lr), paramwise_cfg=dict(layer_decay_rate=0.75))
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=1e-4,
        by_epoch=True,
        begin=0,
        end=warmup_epochs,
        convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        T_max=max_epochs - warmup_epochs,
        by_epoch=True,
        begin=warmup_epochs,
        end=max_epochs,
        eta_min_ratio=1e-6 / lr,
        convert_to_iter_based=True)
]
train_cfg = dict(max_epochs=max_epochs)
