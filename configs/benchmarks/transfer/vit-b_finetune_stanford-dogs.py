r"""Fine-tune a pretrained ViT-B/16 on Stanford Dogs; the recipe is vit-b_finetune_flowers102.py.

    python tools/train.py configs/benchmarks/transfer/vit-b_finetune_stanford-dogs.py \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Published top-1, ViT-S pretrained on ImageNet-100: Conditional MAE 54.3, MAE 51.6.
"""
_base_ = ['./vit-b_finetune_flowers102.py']

model = dict(
    data_preprocessor=dict(num_classes=_base_.stanford_dogs.num_classes),
    head=dict(num_classes=_base_.stanford_dogs.num_classes))

train_dataloader = dict(dataset=dict(_base_.stanford_dogs.train, pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(_base_.stanford_dogs.val, pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
