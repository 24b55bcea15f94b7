"""Conditional MAE, ViT-B/16, L(0, 10; .75, .1), 300 epochs on ImageNet-100.

    tools/dist_train.sh configs/conditional_mae/vit-b_300e_in100.py 8

Published: fine-tune 87.66 (MAE 86.88); COCO 39.5 / 35.5 (38.9 / 35.1), ADE20K 38.9 (38.3).
Create the class list first, see configs/_base_/datasets/imagenet100_224.py.
"""
_base_ = ['../mae/vit-b_300e_in100.py']

model = dict(
    type='mmguided.ConditionalMAE',
    mask_generator=dict(mask_ratio=None, shots=((0, 0.75), (10, 0.1))))
