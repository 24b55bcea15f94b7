r"""Partial fine-tuning of a pretrained ViT-B/16: all 12 blocks are frozen.

    tools/dist_train.sh configs/benchmarks/imagenet/vit-b_finetune-100e_last-0.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Protocol as vit-b_finetune-100e_last-1.py. The classifier and the norm before it learn. For
both papers 0 blocks are linear probing, whose protocol is that of vit-b_linear-90e.py: compare with
their 0 by that one. This has the optimizer and the augmentation of fine-tuning.

Hardware: 8 GPUs with 128 images each, not measured yet. CMAE reports a plot (Fig. 5a). Ours: not
measured.
"""
_base_ = ['./vit-b_finetune-100e.py']

model = dict(backbone=dict(frozen_stages=12 - 0))
