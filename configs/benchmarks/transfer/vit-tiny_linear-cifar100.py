r"""CIFAR-100 in its original format: linear probe of a small ViT.

    python tools/train.py configs/benchmarks/transfer/vit-tiny_linear-cifar100.py \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

The rest is ../folder/vit-tiny_linear.py.

Hardware: a CPU will do, not measured yet. No paper reports a number for this size.
"""
_base_ = [
    '../folder/vit-tiny_linear.py',
    '../../_base_/datasets/transfer/cifar100.py',
]

# Arrays of 32 x 32: nothing to load, nor to resize.
model = dict(
    data_preprocessor=dict(to_rgb=False),
    head=dict(num_classes=_base_.cifar100.num_classes))
train_dataloader = dict(
    dataset=dict(_base_.cifar100.train, pipeline=_base_.train_pipeline[1:]))
val_dataloader = dict(dataset=dict(_base_.cifar100.val, pipeline=_base_.test_pipeline[-1:]))
test_dataloader = val_dataloader
