r"""Fine-tune a ViT-micro on CIFAR-100; the recipe is ../folder/vit-micro_finetune.py.

    python tools/train.py configs/benchmarks/transfer/vit-micro_finetune_cifar100.py \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT
"""
_base_ = ['../folder/vit-micro_finetune.py', '../../_base_/datasets/transfer.py']

# The images are arrays of 32 x 32 in memory, which need no loading or resizing.
model = dict(
    data_preprocessor=dict(num_classes=_base_.cifar100.num_classes, to_rgb=False),
    head=dict(num_classes=_base_.cifar100.num_classes))
train_dataloader = dict(
    dataset=dict(_base_.cifar100.train, pipeline=_base_.train_pipeline[1:]))
val_dataloader = dict(dataset=dict(_base_.cifar100.val, pipeline=_base_.test_pipeline[-1:]))
test_dataloader = val_dataloader
