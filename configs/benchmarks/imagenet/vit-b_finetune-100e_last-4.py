r"""Partial fine-tuning of a pretrained ViT-B/16: the last 4 of 12 blocks learn.

    tools/dist_train.sh configs/benchmarks/imagenet/vit-b_finetune-100e_last-4.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Protocol as vit-b_finetune-100e_last-1.py.
Hardware: 8 GPUs with 128 images each, not measured yet. CMAE reports a plot (Fig. 5a). Ours: not
measured.
"""
_base_ = ['./vit-b_finetune-100e.py']

model = dict(backbone=dict(frozen_stages=12 - 4))
