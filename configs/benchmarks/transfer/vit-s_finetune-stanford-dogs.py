r"""Fine-tuning of a pretrained ViT-S/16 on Stanford Dogs; settings as
vit-b_finetune-stanford-dogs.py.

    python tools/train.py configs/benchmarks/transfer/vit-s_finetune-stanford-dogs.py \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Hardware as there, not measured yet. Top-1 that Conditional MAE reports for ViT-S pretrained on
ImageNet-100: 54.3 (MAE 51.6). Ours: not measured.
"""
_base_ = ['./vit-b_finetune-stanford-dogs.py']

model = dict(backbone=dict(arch='small'), head=dict(in_channels=384))
