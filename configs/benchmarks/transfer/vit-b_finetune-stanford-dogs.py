r"""Fine-tuning of a pretrained ViT-B/16 on Stanford Dogs; else vit-b_finetune-flowers102.py.

    python tools/train.py configs/benchmarks/transfer/vit-b_finetune-stanford-dogs.py \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Hardware: one GPU with 16 images, not measured yet. No paper here reports this number for ViT-B.
Ours: not measured.
"""
_base_ = [
    './vit-b_finetune-flowers102.py',
    '../../_base_/datasets/transfer/stanford_dogs.py',
]

model = dict(
    data_preprocessor=dict(num_classes=_base_.stanford_dogs.num_classes),
    head=dict(num_classes=_base_.stanford_dogs.num_classes))

train_dataloader = dict(dataset=dict(_base_.stanford_dogs.train, pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(_base_.stanford_dogs.val, pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
