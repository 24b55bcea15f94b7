r"""Fine-tuning of a pretrained ViT-B/16 on CUB-200-2011; else vit-b_finetune-flowers102.py.

    python tools/train.py configs/benchmarks/transfer/vit-b_finetune-cub200.py \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Hardware: one GPU with 16 images, not measured yet. Self-guided MAE reports for ViT-B what
vit-b_finetune-cub200_mae.py states. Ours: not measured.
"""
_base_ = [
    './vit-b_finetune-flowers102.py',
    '../../_base_/datasets/transfer/cub200.py',
]

model = dict(
    data_preprocessor=dict(num_classes=_base_.cub200.num_classes),
    head=dict(num_classes=_base_.cub200.num_classes))

train_dataloader = dict(dataset=dict(_base_.cub200.train, pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(_base_.cub200.val, pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
