r"""Partial fine-tuning of the ViT that the vit-micro_folder-32.py configs pretrain: the last block,
the new norm and the head learn.

    python tools/train.py configs/benchmarks/folder/vit-micro_finetune_last-1.py \
        --data-root FOLDER --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT \
        model.head.num_classes=10 model.data_preprocessor.num_classes=10

CMAE (Sec. 4.5) trains the last 0, 1, 2, 4, 6 or 12 blocks of ViT-B: for other numbers than 1,
set model.backbone.frozen_stages to 4 less the number. The rest is vit-micro_finetune.py.

Hardware: a CPU, in minutes. No paper reports a number for this size.
"""
_base_ = ['./vit-micro_finetune.py']

model = dict(backbone=dict(frozen_stages=3))
