r"""Fine-tune a pretrained ViT-B/16 on CIFAR-100; the recipe is vit-b_finetune_cifar10_224.py.

    tools/dist_train.sh configs/benchmarks/transfer/vit-b_finetune_cifar100_224.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Published top-1, ViT-B: Self-guided MAE 90.0 (400 epochs of pretraining), MAE 89.3, AMT 87.8.
"""
_base_ = ['./vit-b_finetune_cifar10_224.py']

model = dict(
    data_preprocessor=dict(num_classes=_base_.cifar100.num_classes),
    head=dict(num_classes=_base_.cifar100.num_classes))

train_dataloader = dict(dataset=dict(_base_.cifar100.train, pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(_base_.cifar100.val, pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
