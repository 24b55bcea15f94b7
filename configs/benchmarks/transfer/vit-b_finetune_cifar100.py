r"""Fine-tune a pretrained ViT-B/16 on CIFAR-100 at 32 px; the recipe is vit-b_finetune_cifar10.py.

    python tools/train.py configs/benchmarks/transfer/vit-b_finetune_cifar100.py \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Published top-1, ViT-B pretrained on ImageNet-100: Conditional MAE 63.4, MAE 62.5.
"""
_base_ = ['./vit-b_finetune_cifar10.py']

model = dict(
    data_preprocessor=dict(num_classes=_base_.cifar100.num_classes),
    head=dict(num_classes=_base_.cifar100.num_classes))

train_dataloader = dict(dataset=dict(_base_.cifar100.train, pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(_base_.cifar100.val, pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
