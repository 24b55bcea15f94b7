r"""Fine-tune a pretrained ConvNeXt V2-B on ImageNet-1K with FCMAE's recipe.

    tools/dist_train.sh configs/benchmarks/imagenet/convnextv2-b_finetune-100e.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Published top-1: FCMAE 84.9; in Conditional MAE (Table 6) FCMAE 80.2, Conditional MAE 81.1. The
recipe follows TRAINING.md of the released ConvNeXt V2. Validation and checkpoints use the EMA
weights.
"""
_base_ = ['./vit-b_finetune-100e.py']

warmup_epochs = 20
lr = 6.25e-4 * 1024 / 256

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmguided.DenseConvNeXt',
        arch='base',
        use_grn=True,
        layer_scale_init_value=0.,
        gap_before_final_norm=True,
        drop_path_rate=0.1,
        init_cfg=dict(type='Pretrained', checkpoint='', prefix='backbone.')))

optim_wrapper = dict(optimizer=dict(lr=lr), paramwise_cfg=dict(layer_decay_rate=0.6))
param_scheduler = [
    dict(_base_.param_scheduler[0], end=warmup_epochs),
    dict(_base_.param_scheduler[1], begin=warmup_epochs, eta_min_ratio=1e-6 / lr),
]
custom_hooks = [dict(type='EMAHook', momentum=1e-4, priority='ABOVE_NORMAL')]
