r"""Fine-tuning of a pretrained ViT-S/16 on Tiny-ImageNet; settings as
vit-b_finetune-tiny-imagenet.py.

    python tools/train.py configs/benchmarks/transfer/vit-s_finetune-tiny-imagenet.py \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Hardware as there, not measured yet. No paper here reports this number for ViT-S. Ours: not
measured.
"""
_base_ = ['./vit-b_finetune-tiny-imagenet.py']

model = dict(backbone=dict(arch='small'), head=dict(in_channels=384))
