"""Conditional MAE, ConvNeXt V2-B, L(0, 3; .6, .1), 800 epochs. Layers are stages: the first shot
masks 30 of 49 units of the image, and the second masks 2 of the remaining 19 before the last stage.

    tools/dist_train.sh configs/conditional_mae/convnextv2-b_800e_two-shot.py 8

Published (Table 6): fine-tune 81.1 (one shot 80.2).
"""
_base_ = ['./convnextv2-b_800e_one-shot.py']

model = dict(
    type='mmguided.ConditionalMAE',
    mask_generator=dict(mask_ratio=None, shots=((0, 0.6), (3, 0.1))))
