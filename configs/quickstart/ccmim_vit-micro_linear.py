r"""Linear probe of the quickstart's encoders, on the mean patch token, without augmentation.

    python tools/train.py configs/quickstart/ccmim_vit-micro_linear.py --cfg-options \
        model.backbone.init_cfg.checkpoint=work_dirs/quickstart/ccmim/epoch_12.pth
"""
_base_ = ['../benchmarks/folder/vit_linear.py', '../_base_/quickstart_evaluation.py']

model = dict(backbone=_base_.encoder, head=dict(num_classes=10))
train_dataloader = dict(
    num_workers=0, dataset=dict(_base_.labeled_images, data_prefix='train/labeled'))
val_dataloader = dict(
    num_workers=0, dataset=dict(_base_.labeled_images, data_prefix='val/labeled'))
test_dataloader = val_dataloader

optim_wrapper = dict(optimizer=dict(lr=0.1))
train_cfg = dict(max_epochs=5)
