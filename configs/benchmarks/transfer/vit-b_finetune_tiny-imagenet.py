r"""Fine-tune a pretrained ViT-B/16 on Tiny-ImageNet at 64 px with Conditional MAE's recipe.

    python tools/train.py configs/benchmarks/transfer/vit-b_finetune_tiny-imagenet.py \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Published top-1, ViT-B pretrained on ImageNet-100: Conditional MAE 64.1, MAE 63.4.

The published lr, 1.5e-3, is read as in vit-b_finetune_cifar10.py. Test images are not cropped.
"""
_base_ = ['../imagenet/vit-b_finetune-100e.py', '../../_base_/datasets/transfer.py']

lr = 1.5e-3 * 512 / 256

load, crop, *augment, pack = _base_.train_pipeline
train_pipeline = [load, dict(crop, scale=64), *augment, pack]
test_pipeline = [load, pack]

model = dict(
    data_preprocessor=dict(num_classes=_base_.tiny_imagenet.num_classes),
    backbone=dict(img_size=64),
    head=dict(num_classes=_base_.tiny_imagenet.num_classes))

train_dataloader = dict(
    batch_size=512, dataset=dict(_base_.tiny_imagenet.train, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(_base_.tiny_imagenet.val, pipeline=test_pipeline))
test_dataloader = val_dataloader

optim_wrapper = dict(optimizer=dict(lr=lr))
param_scheduler = [
    _base_.param_scheduler[0],
    dict(_base_.param_scheduler[1], eta_min_ratio=1e-6 / lr),
]
auto_scale_lr = dict(base_batch_size=512)
