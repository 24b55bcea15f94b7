r"""ccMIM in minutes on a CPU: a ViT (6 blocks, width 192) on any folder of small images.

    python tools/train.py configs/ccmim/vit-micro_folder-32.py \
        --cfg-options train_dataloader.dataset.data_root=FOLDER

The images are FOLDER/<class>/* or FOLDER/*, cropped to 32 x 32 pixels (8 x 8 patches). The run is
too small to rank the methods. For other sampling rules at this size, see configs/ccmim/guidance.
"""
_base_ = ['../_base_/models/ccmim_vit-b.py', '../_base_/micro_folder-32.py']

model = dict(
    backbone=_base_.encoder,
    neck=_base_.decoder,
    projector=dict(out_channels=64))
