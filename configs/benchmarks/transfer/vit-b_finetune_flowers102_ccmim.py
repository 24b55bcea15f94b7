r"""Fine-tune a pretrained ViT-B/16 on Flowers-102 with ccMIM's recipe for iNaturalist.

    tools/dist_train.sh configs/benchmarks/transfer/vit-b_finetune_flowers102_ccmim.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Published top-1, ViT-B: ccMIM 99.2 (800 epochs of pretraining), MAE 99.0 (1600).

The paper states 360 epochs and lr 3e-4 for iNaturalist, and "the same settings" for all methods in
the table that also has Flowers-102. With batch size 1024, an epoch has 1 step.
"""
_base_ = ['./vit-b_finetune_inaturalist2018.py']

model = dict(
    data_preprocessor=dict(num_classes=_base_.flowers102.num_classes),
    head=dict(num_classes=_base_.flowers102.num_classes))

train_dataloader = dict(dataset=dict(_base_.flowers102.train, pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(_base_.flowers102.val, pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
