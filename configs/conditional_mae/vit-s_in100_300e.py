"""Conditional MAE, ViT-S/16, L(0, 10; .75, .1), 300 epochs on ImageNet-100: the study's best.

    tools/dist_train.sh configs/conditional_mae/vit-s_in100_300e.py 8

Other shots: tools/conditional_mae_study.py. The list of classes is to be made first,
see configs/_base_/datasets/imagenet100_224.py.
Hardware: 8 GPUs, 32 images each, total batch 256; --auto-scale-lr for any other number. Time: not
measured by us.
The paper's numbers: fine-tune 84.6 (MAE 82.5); Flowers-102 37.3 (34.7), Stanford Dogs 54.3 (51.6),
CUB-200 51.1 (48.2). Ours: not measured.
"""
_base_ = ['./vit-b_in100_300e.py']

model = dict(backbone=dict(arch='small'))
