r"""Fine-tune a pretrained ViT-B/16 on CIFAR-10 at 224 px with MAE's recipe for ImageNet.

    tools/dist_train.sh configs/benchmarks/transfer/vit-b_finetune_cifar10_224.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

No paper here reports this number. Test images are resized and not cropped.
"""
_base_ = ['../imagenet/vit-b_finetune-100e.py', '../../_base_/datasets/transfer.py']

# CIFAR images are RGB arrays in memory: the pipeline does not load files, and the BGR fill colors
# are reversed.
crop, flip, augment, erase, pack = _base_.train_pipeline[1:]
train_pipeline = [
    crop,
    flip,
    # RandAugment expects BGR: its conversions to gray swap the weights of red and blue.
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
