r"""Fine-tune a pretrained ViT-B/16 on iNaturalist 2018 at 224 px with ccMIM's recipe.

    tools/dist_train.sh configs/benchmarks/transfer/vit-b_finetune_inaturalist2018.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Published top-1, ViT-B: ccMIM 75.6 (800 epochs of pretraining), MAE 75.4 (1600).

ccMIM (Sec. 4.2) states 360 epochs and lr 3e-4. Batch size and input size follow its fine-tuning on
ImageNet.
"""
_base_ = ['../imagenet/vit-b_finetune-100e.py', '../../_base_/datasets/transfer.py']

lr = 3e-4
max_epochs = 360

model = dict(
    data_preprocessor=dict(num_classes=_base_.inaturalist2018.num_classes),
    head=dict(num_classes=_base_.inaturalist2018.num_classes))

train_dataloader = dict(dataset=dict(_base_.inaturalist2018.train, pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(_base_.inaturalist2018.val, pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader

optim_wrapper = dict(optimizer=dict(lr=lr))
param_scheduler = [
    _base_.param_scheduler[0],
    dict(_base_.param_scheduler[1], end=max_epochs, eta_min_ratio=1e-6 / lr),
]
train_cfg = dict(max_epochs=max_epochs)
