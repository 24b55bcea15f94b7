"""Conditional MAE, ViT-B/16, L(0, 10; .75, .1), 300 epochs on ImageNet-1K.

    tools/dist_train.sh configs/conditional_mae/vit-b_300e.py 8

Hardware: 8 GPUs, 512 images each, total batch 4096; --auto-scale-lr for any other number. Time: not
measured by us.
The paper's numbers: fine-tune in a plot (Fig. 8); ADE20K 46.1 mIoU (MAE 45.8) after 300 epochs on
ImageNet-1K, with an encoder that it does not name. Ours: not measured.
"""
_base_ = [
    '../_base_/models/conditional_mae_vit-b.py',
    '../_base_/datasets/imagenet_224.py',
    '../_base_/schedules/mim_adamw_300e.py',
    '../_base_/default_runtime.py',
]
