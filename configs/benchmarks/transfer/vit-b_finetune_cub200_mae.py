r"""Fine-tune a pretrained ViT-B/16 on CUB-200-2011 at 224 px with MAE's recipe for ImageNet.

    tools/dist_train.sh configs/benchmarks/transfer/vit-b_finetune_cub200_mae.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Published top-1, ViT-B: Self-guided MAE 82.8 (400 epochs of pretraining), MAE 81.8, AMT 80.8. The
paper states only "the settings in original MAE"; an epoch has 5 steps.
"""
_base_ = ['../imagenet/vit-b_finetune-100e.py', '../../_base_/datasets/transfer.py']

model = dict(
    data_preprocessor=dict(num_classes=_base_.cub200.num_classes),
    head=dict(num_classes=_base_.cub200.num_classes))

train_dataloader = dict(dataset=dict(_base_.cub200.train, pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(_base_.cub200.val, pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
