r"""UPerNet on ADE20K from a pretrained ViT-L/16; protocol as upernet_vit-b_160k.py.

    tools/dist_train.sh configs/benchmarks/ade20k/upernet_vit-l_160k.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT
    tools/dist_test.sh configs/benchmarks/ade20k/upernet_vit-l_160k.py TRAINED 8

Blocks 8, 12, 16 and 24 give the maps. MAE states no rates for segmentation: layer decay .75 and
drop path .2 are those of its ViT-L on ImageNet, the rest is ViT-B's. The head is as wide as the
encoder.

Hardware: 8 GPUs with 2 images each, mixed precision; time not measured yet. mIoU that MAE's paper
reports: 53.6 (1600 epochs). Ours: not measured.
"""
_base_ = ['./upernet_vit-b_160k.py']

model = dict(
    backbone=dict(arch='large', out_indices=(7, 11, 15, 23), drop_path_rate=0.2),
    neck=dict(embed_dim=1024),
    decode_head=dict(in_channels=[1024, 1024, 1024, 1024], channels=1024),
    auxiliary_head=dict(in_channels=1024))
optim_wrapper = dict(paramwise_cfg=dict(layer_decay_rate=0.75))
