"""MAE, ViT-L/16, 1600 epochs: a baseline of CMAE's model scaling.

    tools/dist_train.sh configs/mae/vit-l_1600e.py 8

Hardware: 8 GPUs, 512 images each, total batch 4096; --auto-scale-lr for any other number. Time: not
measured by us.
Known elsewhere: linear 75.8, fine-tune 85.9 (MAE); fine-tune in a plot (CMAE, Fig. 5b).
Ours: not measured.
"""
_base_ = ['./vit-b_1600e.py']

model = dict(backbone=dict(arch='large'))
