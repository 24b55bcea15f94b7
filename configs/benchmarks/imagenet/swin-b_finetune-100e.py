r"""Fine-tune a pretrained Swin-B on ImageNet-1K with SimMIM's recipe.

    tools/dist_train.sh configs/benchmarks/imagenet/swin-b_finetune-100e.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Published top-1: SimMIM 83.5 / 84.0 (100 / 800 epochs of pretraining); in Conditional MAE (Table 6)
SimMIM 83.8, Conditional MAE 84.9. Pretraining uses 192 px and windows of 6 x 6; this recipe uses
224 px and 7 x 7 and resizes the relative position tables.
"""
_base_ = ['./vit-b_finetune-100e.py']

warmup_epochs = 20
total_batch_size = 2048  # over all processes
lr = 1.25e-3 * total_batch_size / 512

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmguided.DenseSwin',
        arch='base',
        img_size=224,
        window_size=7,
        drop_path_rate=0.1,
        init_cfg=dict(type='Pretrained', checkpoint='', prefix='backbone.')),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(init_cfg=dict(std=0.02)))

train_dataloader = dict(batch_size=total_batch_size // 8)
optim_wrapper = dict(
    optimizer=dict(lr=lr),
    clip_grad=dict(max_norm=5.0),
    paramwise_cfg=dict(
        layer_decay_rate=0.9,
        custom_keys={'.relative_position_bias_table': dict(decay_mult=0.)}))
param_scheduler = [
    dict(_base_.param_scheduler[0], start_factor=2.5e-7 / 1.25e-3, end=warmup_epochs),
    # As in mmpretrain, the cosine starts when the warm-up ends; SimMIM's starts at epoch 0.
    dict(_base_.param_scheduler[1], begin=warmup_epochs, eta_min_ratio=2.5e-7 / 1.25e-3),
]
auto_scale_lr = dict(base_batch_size=total_batch_size)
