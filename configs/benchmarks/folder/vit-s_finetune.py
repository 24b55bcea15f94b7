r"""Fine-tuning of a pretrained ViT-S/16 on a labeled folder of images at 224 px.

    python tools/train.py configs/benchmarks/folder/vit-s_finetune.py --data-root FOLDER \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

FOLDER/{train,val}/CLASS/*; protocol as ../imagenet/vit-s_finetune-100e.py, but 64 images a
process, and the learning rate follows the batch.

Hardware: one GPU. Not measured yet.
"""
_base_ = ['./vit-b_finetune.py']

model = dict(backbone=dict(arch='small'), head=dict(in_channels=384))
