r"""Fine-tune the ViT that the vit-micro_folder-32.py configs pretrain, in 5 epochs.

    python tools/train.py configs/benchmarks/folder/vit-micro_finetune.py --data-root FOLDER \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT model.head.num_classes=10 \
        model.data_preprocessor.num_classes=10

The other settings are those of vit-tiny_finetune.py.
"""
_base_ = ['./vit-tiny_finetune.py', '../../_base_/vit-micro.py']

max_epochs = 5
warmup_epochs = 1

model = dict(backbone=_base_.encoder)

param_scheduler = [
    dict(_base_.param_scheduler[0], end=warmup_epochs),
    dict(_base_.param_scheduler[1], begin=warmup_epochs, end=max_epochs),
]
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
