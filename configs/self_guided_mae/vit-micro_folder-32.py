r"""Self-guided MAE in minutes on a CPU: a ViT (6 blocks, width 192) on any folder of small images.

    python tools/train.py configs/self_guided_mae/vit-micro_folder-32.py \
        --cfg-options train_dataloader.dataset.data_root=FOLDER

The images are FOLDER/<class>/* or FOLDER/*, cropped to 32 x 32 pixels (8 x 8 patches). The run is
too small to rank the methods. Guidance begins with the first epoch after an eighth of the run (the
second of 5), like epoch 50 of 400 in the paper, because the trigger fires late or never in such
short runs.
"""
_base_ = ['../_base_/models/self_guided_mae_vit-b.py', '../_base_/micro_folder-32.py']

model = dict(
    backbone=_base_.encoder,
    mask_generator=dict(schedule=dict(begin=0.125, relative=True)),
    neck=_base_.decoder)

train_pipeline = [
    _base_.train_pipeline[0],
    dict(type='mmguided.WithScores', transforms=_base_.train_pipeline[1:]),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))

default_hooks = dict(exploitation=dict(type='mmguided.ExploitationHook', interval=20))
