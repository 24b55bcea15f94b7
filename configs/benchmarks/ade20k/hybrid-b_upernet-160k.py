r"""UPerNet on ADE20K from a pretrained hybrid ViT-B.

    tools/dist_train.sh configs/benchmarks/ade20k/hybrid-b_upernet-160k.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT
    tools/dist_test.sh configs/benchmarks/ade20k/hybrid-b_upernet-160k.py TRAINED 8

Published mIoU: CMAE 52.5 (1600 epochs of pretraining), ConvMAE 50.7 (its released code 51.7). The
recipe is vit-b_upernet-160k_cmae.py with the layer decay and drop path of ConvMAE's released code.
There is no neck, because the encoder outputs maps at several scales.
"""
_base_ = ['./vit-b_upernet-160k_cmae.py']

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmguided.DenseHybridViT',
        arch='base',
        img_size=512,
        drop_path_rate=0.2,
        init_cfg=dict(type='Pretrained', checkpoint='', prefix='backbone.')),
    neck=None)
optim_wrapper = dict(paramwise_cfg=dict(layer_decay_rate=0.75))
