r"""Fine-tune a pretrained ViT-B/16 on CIFAR-10 at 32 px with Conditional MAE's recipe.

    python tools/train.py configs/benchmarks/transfer/vit-b_finetune_cifar10.py \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Published top-1, ViT-B pretrained on ImageNet-100: Conditional MAE 85.5, MAE 84.5.

The published lr, 1.5e-3, is read as MAE's base lr per 256 images. If 1.5e-3 is the lr itself, set
optim_wrapper.optimizer.lr=1.5e-3 param_scheduler.1.eta_min_ratio=6.6667e-4. An image has 4 patches
of 16 x 16 pixels.
"""
_base_ = ['./vit-b_finetune_cifar10_224.py']

lr = 1.5e-3 * 512 / 256

model = dict(backbone=dict(img_size=32))

train_pipeline = [dict(_base_.train_pipeline[0], scale=32), *_base_.train_pipeline[1:]]
test_pipeline = _base_.test_pipeline[1:]
train_dataloader = dict(batch_size=512, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

optim_wrapper = dict(optimizer=dict(lr=lr))
param_scheduler = [
    _base_.param_scheduler[0],
    dict(_base_.param_scheduler[1], eta_min_ratio=1e-6 / lr),
]
auto_scale_lr = dict(base_batch_size=512)
