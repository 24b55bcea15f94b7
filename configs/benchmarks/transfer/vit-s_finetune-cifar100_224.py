r"""Fine-tuning of a pretrained ViT-S/16 on CIFAR-100 at 224 px; settings as
vit-b_finetune-cifar100_224.py.

    tools/dist_train.sh configs/benchmarks/transfer/vit-s_finetune-cifar100_224.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Hardware as there, not measured yet. No paper here reports this number for ViT-S. Ours: not
measured.
"""
_base_ = ['./vit-b_finetune-cifar100_224.py']

model = dict(backbone=dict(arch='small'), head=dict(in_channels=384))
