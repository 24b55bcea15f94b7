r"""Fine-tune the ViT that the vit-micro_folder-32.py configs pretrain, in 20 epochs.

    python tools/train.py configs/benchmarks/folder/vit-micro_finetune.py --data-root FOLDER \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

The other settings are those of vit_finetune.py. Mixup and CutMix are off and the learning rates are
higher, because the run is short.
"""
_base_ = ['./vit_finetune.py', '../../_base_/vit-micro.py']

warmup_epochs = 2
lr = 1e-3

model = dict(backbone=_base_.encoder, train_cfg=None)
optim_wrapper = dict(optimizer=dict(lr=lr), paramwise_cfg=dict(layer_decay_rate=0.75))
param_scheduler = [
    dict(_base_.param_scheduler[0], end=warmup_epochs),
    dict(_base_.param_scheduler[1], begin=warmup_epochs, eta_min_ratio=1e-6 / lr),
]
train_cfg = dict(max_epochs=20)
