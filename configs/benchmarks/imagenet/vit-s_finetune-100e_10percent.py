r"""Fine-tuning of a pretrained ViT-S/16 on 10 % of ImageNet-1K.

    tools/dist_train.sh configs/benchmarks/imagenet/vit-s_finetune-100e_10percent.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

As vit-b_finetune-100e_10percent.py, whose rates are ViT-B's: for this size none are known to us.

Hardware: 8 GPUs with 64 images each, not measured yet. Ours: not measured.
"""
_base_ = ['./vit-b_finetune-100e_10percent.py']

model = dict(backbone=dict(arch='small'), head=dict(in_channels=384))
