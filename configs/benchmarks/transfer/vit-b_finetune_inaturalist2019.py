r"""Fine-tune a pretrained ViT-B/16 on iNaturalist 2019 with the recipe for iNaturalist 2018.

    tools/dist_train.sh configs/benchmarks/transfer/vit-b_finetune_inaturalist2019.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Published top-1, ViT-B: ccMIM 81.0 (800 epochs of pretraining), MAE 80.5 (1600).
"""
_base_ = ['./vit-b_finetune_inaturalist2018.py']

model = dict(
    data_preprocessor=dict(num_classes=_base_.inaturalist2019.num_classes),
    head=dict(num_classes=_base_.inaturalist2019.num_classes))

train_dataloader = dict(dataset=dict(_base_.inaturalist2019.train, pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(_base_.inaturalist2019.val, pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
