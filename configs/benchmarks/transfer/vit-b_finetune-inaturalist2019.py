r"""Fine-tuning of a pretrained ViT-B/16 on iNaturalist 2019; else
vit-b_finetune-inaturalist2018.py.

    tools/dist_train.sh configs/benchmarks/transfer/vit-b_finetune-inaturalist2019.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Hardware: 8 GPUs with 128 images each, not measured yet. Top-1 that ccMIM reports for ViT-B after
800 epochs: 81.0 (MAE 80.5, 1600). Ours: not measured.
"""
_base_ = [
    './vit-b_finetune-inaturalist2018.py',
    '../../_base_/datasets/transfer/inaturalist2019.py',
]

model = dict(
    data_preprocessor=dict(num_classes=_base_.inaturalist2019.num_classes),
    head=dict(num_classes=_base_.inaturalist2019.num_classes))

train_dataloader = dict(dataset=dict(_base_.inaturalist2019.train, pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(_base_.inaturalist2019.val, pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
