"""Conditional MAE, ViT-S/16, L(0, 10; .75, .15), shots weighted by their ratios, ImageNet-100.

    tools/dist_train.sh configs/conditional_mae/vit-s_in100_ratio-weights_300e.py 8

Hardware: 8 GPUs, 32 images each, total batch 256; --auto-scale-lr for any other number. Time: not
measured by us.
The paper's numbers (Table 3): linear 35.2, fine-tune 83.9; weighted .5 : .5, that is
model.shot_weights=uniform, 31.0 and 83.9.
Ours: not measured.
"""
_base_ = ['./vit-s_in100_300e.py']

model = dict(mask_generator=dict(shots=((0, 0.75), (10, 0.15))), shot_weights='ratio')
