r"""UPerNet on ADE20K from a pretrained ViT-B/16, with CMAE's initialization.

    tools/dist_train.sh configs/benchmarks/ade20k/vit-b_upernet-160k_cmae.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT
    tools/dist_test.sh configs/benchmarks/ade20k/vit-b_upernet-160k_cmae.py TRAINED 8

Published mIoU, ViT-B: CMAE 51.0 (1600 epochs of pretraining), MAE 48.1. CMAE (Sec. 4.3) initializes
all layers that are not pretrained by Xavier's rule. CMAE states no rates; we use the
rates of vit-b_upernet-160k.py.
"""
_base_ = ['./vit-b_upernet-160k.py']

xavier = dict(type='mmguided.XavierConv2d')
model = dict(
    # The encoder weights are loaded after this initialization.
    init_cfg=dict(type='Xavier', layer=['Conv2d', 'ConvTranspose2d'], distribution='uniform'),
    decode_head=dict(conv_cfg=xavier, init_cfg=None),
    auxiliary_head=dict(conv_cfg=xavier, init_cfg=None))
