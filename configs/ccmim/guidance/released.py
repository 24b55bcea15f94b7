r"""Guidance study: ccmim/vit-micro_folder-32 in 6 epochs with batches of 64, masks sorted by s - u
as in the released code (s: attention scores, u: uniform noise). The other configs in this folder
inherit this one.

    python projects/guidance_study/guidance_study.py \
        configs/ccmim/guidance/released.py --data-root FOLDER
"""
_base_ = ['../vit-micro_folder-32.py']

max_epochs = 6

train_dataloader = dict(batch_size=64)
param_scheduler = [
    dict(_base_.param_scheduler[0], end=1),
    dict(_base_.param_scheduler[1], begin=1, end=max_epochs),
]
train_cfg = dict(max_epochs=max_epochs)
auto_scale_lr = dict(base_batch_size=64)

default_hooks = dict(checkpoint=dict(interval=2))
