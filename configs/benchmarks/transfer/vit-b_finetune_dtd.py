r"""Fine-tune a pretrained ViT-B/16 on DTD at 448 px with Conditional MAE's recipe.

    python tools/train.py configs/benchmarks/transfer/vit-b_finetune_dtd.py \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Published top-1, ViT-B pretrained on ImageNet-100: Conditional MAE 59.1, MAE 57.9.

The published lr, 2.5e-3, is read as MAE's base lr per 256 images. Test images are cropped to the
center square, as in MAE's code above 224 px.
"""
_base_ = ['../imagenet/vit-b_finetune-100e.py', '../../_base_/datasets/transfer.py']

lr = 2.5e-3 * 16 / 256

load, crop, *augment = _base_.train_pipeline
train_pipeline = [load, dict(crop, scale=448), *augment]
load, resize, center, pack = _base_.test_pipeline
test_pipeline = [load, dict(resize, scale=448), dict(center, crop_size=448), pack]

model = dict(
    data_preprocessor=dict(num_classes=_base_.dtd.num_classes),
    backbone=dict(img_size=448),
    head=dict(num_classes=_base_.dtd.num_classes))

train_dataloader = dict(batch_size=16, dataset=dict(_base_.dtd.train, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(_base_.dtd.val, pipeline=test_pipeline))
test_dataloader = val_dataloader

optim_wrapper = dict(optimizer=dict(lr=lr))
param_scheduler = [
    _base_.param_scheduler[0],
    dict(_base_.param_scheduler[1], eta_min_ratio=1e-6 / lr),
]
auto_scale_lr = dict(base_batch_size=16)
