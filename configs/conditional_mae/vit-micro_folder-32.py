r"""Conditional MAE in minutes on a CPU: a ViT (6 blocks, width 192) on any folder of small images.

    python tools/train.py configs/conditional_mae/vit-micro_folder-32.py \
        --cfg-options train_dataloader.dataset.data_root=FOLDER

The images are FOLDER/<class>/* or FOLDER/*, cropped to 32 x 32 pixels (8 x 8 patches). The run is
too small to rank the methods. 16 patches are visible in the first five blocks, and 14 in the last.
"""
_base_ = ['../_base_/models/conditional_mae_vit-b.py', '../_base_/micro_folder-32.py']

model = dict(
    backbone=_base_.encoder,
    mask_generator=dict(shots=((0, 0.75), (5, 0.1))),
    neck=_base_.decoder)
