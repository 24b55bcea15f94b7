r"""Fine-tuning of a pretrained ViT-S/16 on DTD; settings as vit-b_finetune-dtd.py.

    python tools/train.py configs/benchmarks/transfer/vit-s_finetune-dtd.py \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Hardware as there, not measured yet. No paper here reports this number for ViT-S. Ours: not
measured.
"""
_base_ = ['./vit-b_finetune-dtd.py']

model = dict(backbone=dict(arch='small'), head=dict(in_channels=384))
