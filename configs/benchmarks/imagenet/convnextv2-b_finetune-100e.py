r"""Fine-tuning of a pretrained ConvNeXt V2-B on ImageNet-1K, as FCMAE fine-tunes it.

    tools/dist_train.sh configs/benchmarks/imagenet/convnextv2-b_finetune-100e.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

The recipe of the released ConvNeXt V2 (TRAINING.md): 100 epochs, AdamW (.9, .999), weight decay
.05, 1024 images per step, base lr 6.25e-4 per 256 images = 2.5e-3, layer decay .6 over 12 groups of
blocks, 20 epochs of warm-up and cosine, drop path .1; augmentation as vit-b_finetune-100e.py. The
mean of the last map is normalized and classified. A moving average of the weights (.9999 of it
kept at each step) is validated and saved.

Hardware: 8 GPUs with 128 images each, not measured yet. Top-1 that Conditional MAE reports
(Table 6, with neither schedule nor data set): 80.2 after FCMAE's pretraining, 81.1 after two shots.
FCMAE: 84.9. Ours: not measured.
"""
_base_ = ['./vit-b_finetune-100e.py']

max_epochs = 100
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
        init_cfg=dict(type='Pretrained', checkpoint='', prefix='backbone.')),
    head=dict(in_channels=1024))

optim_wrapper = dict(optimizer=dict(lr=lr), paramwise_cfg=dict(layer_decay_rate=0.6))
param_scheduler = [
    dict(_base_.param_scheduler[0], end=warmup_epochs),
    dict(
        _base_.param_scheduler[1],
        T_max=max_epochs - warmup_epochs,
        begin=warmup_epochs,
        eta_min_ratio=1e-6 / lr),
]
custom_hooks = [dict(type='EMAHook', momentum=1e-4, priority='ABOVE_NORMAL')]
