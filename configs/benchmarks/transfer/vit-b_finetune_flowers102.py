r"""Fine-tune a pretrained ViT-B/16 on Flowers-102 at 224 px with Conditional MAE's recipe.

    python tools/train.py configs/benchmarks/transfer/vit-b_finetune_flowers102.py \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Published top-1, ViT-S pretrained on ImageNet-100: Conditional MAE 37.3, MAE 34.7. For ccMIM, see
vit-b_finetune_flowers102_ccmim.py.

Conditional MAE states two base rates, 7e-4 and 8e-4 per 256 images, and no rule for choosing one.
This config uses 7e-4; for 8e-4, set optim_wrapper.optimizer.lr=5e-5 and
param_scheduler.1.eta_min_ratio=2e-2.
"""
_base_ = ['../imagenet/vit-b_finetune-100e.py', '../../_base_/datasets/transfer.py']

lr = 7e-4 * 16 / 256

model = dict(
    data_preprocessor=dict(num_classes=_base_.flowers102.num_classes),
    head=dict(num_classes=_base_.flowers102.num_classes))

train_dataloader = dict(
    batch_size=16, dataset=dict(_base_.flowers102.train, pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(_base_.flowers102.val, pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader

optim_wrapper = dict(optimizer=dict(lr=lr))
param_scheduler = [
    _base_.param_scheduler[0],
    dict(_base_.param_scheduler[1], eta_min_ratio=1e-6 / lr),
]
auto_scale_lr = dict(base_batch_size=16)
