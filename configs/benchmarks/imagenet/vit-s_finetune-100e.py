r"""Fine-tuning of a pretrained ViT-S/16 on ImageNet-1K; protocol as vit-b_finetune-100e.py.

    tools/dist_train.sh configs/benchmarks/imagenet/vit-s_finetune-100e.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

No paper here states the rates of this size on ImageNet-1K: these are ViT-B's. CMAE compares the
sizes in a figure (5b) without numbers.

Hardware: 8 GPUs with 128 images each, not measured yet. Ours: not measured.
"""
_base_ = ['./vit-b_finetune-100e.py']

model = dict(backbone=dict(arch='small'), head=dict(in_channels=384))
