r"""CIFAR-10 in its original format: partial fine-tuning of a small ViT; the last block, the new
norm and the head learn.

    python tools/train.py configs/benchmarks/transfer/vit-tiny_finetune_last-1-cifar10.py \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

The rest is vit-tiny_finetune-cifar10.py.

Hardware: a CPU will do, not measured yet. No paper reports a number for this size.
"""
_base_ = ['./vit-tiny_finetune-cifar10.py']

model = dict(backbone=dict(frozen_stages=11))
