r"""Linear probe of a pretrained ViT-S/16 on a labeled folder of images at 224 px.

    python tools/train.py configs/benchmarks/folder/vit-s_linear.py --data-root FOLDER \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

FOLDER/{train,val}/CLASS/*; protocol as ../imagenet/vit-s_linear-90e.py, but 256 images a
process, and the learning rate follows the batch.

Hardware: one GPU. Not measured yet.
"""
_base_ = ['./vit-b_linear.py']

model = dict(
    backbone=dict(arch='small'),
    neck=dict(input_features=384),
    head=dict(in_channels=384))
