r"""CIFAR-10 in its original format: linear probe of the ViT that the vit-micro_folder-32.py configs
pretrain.

    python tools/train.py configs/benchmarks/transfer/vit-micro_linear-cifar10.py \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

The rest is ../folder/vit-micro_linear.py.

Hardware: a CPU will do, not measured yet. No paper reports a number for this size.
"""
_base_ = [
    '../folder/vit-micro_linear.py',
    '../../_base_/datasets/transfer/cifar10.py',
]

# Arrays of 32 x 32: nothing to load, nor to resize.
model = dict(
    data_preprocessor=dict(to_rgb=False),
    head=dict(num_classes=_base_.cifar10.num_classes))
train_dataloader = dict(
    dataset=dict(_base_.cifar10.train, pipeline=_base_.train_pipeline[1:]))
val_dataloader = dict(dataset=dict(_base_.cifar10.val, pipeline=_base_.test_pipeline[-1:]))
test_dataloader = val_dataloader
