r"""UPerNet on ADE20K from a pretrained ViT-L/16.

    tools/dist_train.sh configs/benchmarks/ade20k/vit-l_upernet-160k.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT
    tools/dist_test.sh configs/benchmarks/ade20k/vit-l_upernet-160k.py TRAINED 8

Published mIoU, ViT-L: MAE 53.6 (1600 epochs of pretraining). MAE states no rates for segmentation.
Layer decay and drop path follow its ViT-L on ImageNet; the other settings are those of
vit-b_upernet-160k.py.
"""
_base_ = ['./vit-b_upernet-160k.py']

model = dict(
    backbone=dict(arch='large', out_indices=(7, 11, 15, 23), drop_path_rate=0.2))
optim_wrapper = dict(paramwise_cfg=dict(layer_decay_rate=0.75))
