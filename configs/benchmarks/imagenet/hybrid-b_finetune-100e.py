r"""Fine-tune a pretrained hybrid ViT-B on ImageNet-1K; the recipe is vit-b_finetune-100e.py.

    tools/dist_train.sh configs/benchmarks/imagenet/hybrid-b_finetune-100e.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Published top-1: CMAE 85.0 / 85.3 (800 / 1600 epochs of pretraining). After 1600 epochs use base lr
2.5e-4, see README.md.
"""
_base_ = ['./vit-b_finetune-100e.py']

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmguided.MaskedHybridViT',
        arch='base',
        img_size=224,
        drop_path_rate=0.1,
        final_norm=False,
        out_type='avg_featmap',
        init_cfg=dict(type='Pretrained', checkpoint='', prefix='backbone.')))
