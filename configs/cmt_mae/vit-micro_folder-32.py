r"""CMT-MAE in minutes on a CPU: a ViT (6 blocks, width 192) on any folder of small images.

    python tools/train_clip.py LABELED_FOLDER --out work_dirs/clip_micro
    python tools/train.py configs/cmt_mae/vit-micro_folder-32.py \
        --cfg-options train_dataloader.dataset.data_root=FOLDER

The images are FOLDER/<class>/* or FOLDER/*, cropped to 32 x 32 pixels (8 x 8 patches). The run is
too small to rank the methods. The first command trains a small CLIP as the teacher.
"""
_base_ = ['../_base_/models/cmt_mae_vit-b.py', '../_base_/micro_folder-32.py']

model = dict(
    backbone=_base_.encoder,
    teacher=dict(model_name='local-dir:work_dirs/clip_micro', pretrained=None),
    momentum_encoder=dict(momentum=0.99),
    neck=_base_.decoder)
