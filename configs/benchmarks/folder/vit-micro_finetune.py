r"""Fine-tune the ViT that the vit-micro_folder-32.py configs pretrain, in 20 epochs.

    python tools/train.py configs/benchmarks/folder/vit-micro_finetune.py --data-root FOLDER \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

The other settings are those of vit_finetune.py.
"""
_base_ = ['./vit_finetune.py', '../../_base_/vit-micro.py']

warmup_epochs = 2

model = dict(backbone=_base_.encoder)
param_scheduler = [
    dict(_base_.param_scheduler[0], end=warmup_epochs),
    dict(_base_.param_scheduler[1], begin=warmup_epochs),
]
train_cfg = dict(max_epochs=20)
