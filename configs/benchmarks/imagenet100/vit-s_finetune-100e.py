r"""Fine-tuning of a pretrained ViT-S/16 on ImageNet-100; protocol as vit-b_finetune-100e.py.

    tools/dist_train.sh configs/benchmarks/imagenet100/vit-s_finetune-100e.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Hardware: 8 GPUs with 32 images each, not measured yet. Top-1 that Conditional MAE reports (Tables
1, 2, 3 and 7; Figs. 2 and 3 are plots), on a subset that it does not name: MAE 82.5, with 90 %
masked 81.3; L(0,10;.75,.1) 84.6, L(0,10;.75,.15) 83.9, L(0,10,11;.75,.1,.1) 81.9. Ours: not
measured.
"""
_base_ = ['./vit-b_finetune-100e.py']

model = dict(backbone=dict(arch='small'), head=dict(in_channels=384))
