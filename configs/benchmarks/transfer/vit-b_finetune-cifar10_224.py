r"""Fine-tuning of a pretrained ViT-B/16 on CIFAR-10, resized to 224 px.

    tools/dist_train.sh configs/benchmarks/transfer/vit-b_finetune-cifar10_224.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Recipe, batch and rates of ../imagenet/vit-b_finetune-100e.py, which are MAE's; no paper here states
settings of CIFAR-10 at this size. Training crops and test images are enlarged to 224 px; of a test
image nothing is cut off.

Hardware: 8 GPUs with 128 images each, not measured yet. No paper here reports this number. Ours:
not measured.
"""
_base_ = [
    '../imagenet/vit-b_finetune-100e.py',
    '../../_base_/datasets/transfer/cifar10.py',
]

# Arrays in RGB: nothing to load, and the fill colors of what follows turn from BGR to that.
crop, flip, augment, erase, pack = _base_.train_pipeline[1:]
train_pipeline = [
    crop,
    flip,
    # Takes images for BGR where it reduces them to gray: red and blue swap their weights there.
    dict(augment, hparams=dict(augment.hparams, pad_val=augment.hparams.pad_val[::-1])),
    dict(erase, fill_color=erase.fill_color[::-1], fill_std=erase.fill_std[::-1]),
    pack,
]
test_pipeline = [dict(_base_.test_pipeline[1], scale=224), pack]

model = dict(
    data_preprocessor=dict(num_classes=_base_.cifar10.num_classes, to_rgb=False),
    head=dict(num_classes=_base_.cifar10.num_classes))

train_dataloader = dict(dataset=dict(_base_.cifar10.train, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(_base_.cifar10.val, pipeline=test_pipeline))
test_dataloader = val_dataloader
