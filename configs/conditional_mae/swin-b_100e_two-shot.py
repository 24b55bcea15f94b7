"""Conditional MAE, Swin-B, L(0, 3; .6, .1), 100 epochs: the second shot, before the last stage,
masks 2 of the remaining 14 units.

    tools/dist_train.sh configs/conditional_mae/swin-b_100e_two-shot.py 8

Published (Table 6): fine-tune 84.9.
"""
_base_ = ['./swin-b_100e_one-shot.py']

model = dict(
    type='mmguided.ConditionalMAE',
    backbone=dict(mask_stages=(0, 3)),
    mask_generator=dict(mask_ratio=None, shots=((0, 0.6), (3, 0.1))))
