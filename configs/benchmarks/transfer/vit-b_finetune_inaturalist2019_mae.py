r"""Fine-tune a pretrained ViT-B/16 on iNaturalist 2019 at 224 px with MAE's recipe for ImageNet.

    tools/dist_train.sh configs/benchmarks/transfer/vit-b_finetune_inaturalist2019_mae.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Published top-1, ViT-B: Self-guided MAE 78.9 (400 epochs of pretraining), MAE 78.7, AMT 76.0. The
paper states only "the settings in original MAE".
"""
_base_ = ['../imagenet/vit-b_finetune-100e.py', '../../_base_/datasets/transfer.py']

model = dict(
    data_preprocessor=dict(num_classes=_base_.inaturalist2019.num_classes),
    head=dict(num_classes=_base_.inaturalist2019.num_classes))

train_dataloader = dict(dataset=dict(_base_.inaturalist2019.train, pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(_base_.inaturalist2019.val, pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
