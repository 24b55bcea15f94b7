r"""UPerNet on ADE20K from a pretrained ViT-S/16; protocol as upernet_vit-b_160k.py.

    tools/dist_train.sh configs/benchmarks/ade20k/upernet_vit-s_160k.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT
    tools/dist_test.sh configs/benchmarks/ade20k/upernet_vit-s_160k.py TRAINED 8

No paper here states the rates of this size: these are ViT-B's. The head is as wide as the encoder.

Hardware: 8 GPUs with 2 images each, mixed precision; time not measured yet. Ours: not measured.
"""
_base_ = ['./upernet_vit-b_160k.py']

model = dict(
    backbone=dict(arch='small'),
    neck=dict(embed_dim=384),
    decode_head=dict(in_channels=[384, 384, 384, 384], channels=384),
    auxiliary_head=dict(in_channels=384))
