r"""Linear probe of a ViT-micro on CIFAR-10; the recipe is ../folder/vit-micro_linear.py.

    python tools/train.py configs/benchmarks/transfer/vit-micro_linear_cifar10.py \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT
"""
_base_ = ['../folder/vit-micro_linear.py', '../../_base_/datasets/transfer.py']

# The images are arrays of 32 x 32 in memory, which need no loading or resizing.
model = dict(
    data_preprocessor=dict(to_rgb=False),
    head=dict(num_classes=_base_.cifar10.num_classes))
train_dataloader = dict(
    dataset=dict(_base_.cifar10.train, pipeline=_base_.train_pipeline[1:]))
val_dataloader = dict(dataset=dict(_base_.cifar10.val, pipeline=_base_.test_pipeline[-1:]))
test_dataloader = val_dataloader
