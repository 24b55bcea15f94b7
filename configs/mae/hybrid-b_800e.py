"""MAE with the hybrid ViT-B, 800 epochs: ConvMAE, the baseline of CMAE*.

    tools/dist_train.sh configs/mae/hybrid-b_800e.py 8

Hardware: 8 GPUs, 512 images each, total batch 4096; --auto-scale-lr for any other number. Time: not
measured by us.
Masks, decoder and recipe are MAE's; see MaskedHybridViT for what differs from ConvMAE.
Known elsewhere: fine-tune 84.6 (ConvMAE, as CMAE reports it). Ours: not measured.
"""
_base_ = ['./vit-b_800e.py']

model = dict(
    backbone=dict(
        _delete_=True, type='mmguided.MaskedHybridViT', arch='base', img_size=224))
