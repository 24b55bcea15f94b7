r"""CIFAR-100 in its original format: partial fine-tuning of the ViT that the vit-micro_folder-32.py
configs pretrain; the last block, the new norm and the head learn.

    python tools/train.py configs/benchmarks/transfer/vit-micro_finetune_last-1-cifar100.py \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

The rest is vit-micro_finetune-cifar100.py.

Hardware: a CPU will do, not measured yet. No paper reports a number for this size.
"""
_base_ = ['./vit-micro_finetune-cifar100.py']

model = dict(backbone=dict(frozen_stages=3))
