r"""Guidance study: the released code's rule, sorts s - u, s the attention and u uniform noise.

    python tools/guidance_study.py configs/ccmim/guidance/released.py --data-root FOLDER

The other configs of this folder change what their name says. ccmim/vit-micro_folder-32 in 6 epochs
of smaller batches.

Hardware: a CPU will do; ours is measured in docs/guidance_study.md. No paper reports a number for
this size.
"""
_base_ = ['../vit-micro_folder-32.py']

max_epochs = 6

train_dataloader = dict(batch_size=64)
param_scheduler = [
    dict(_base_.param_scheduler[0], end=1),
    dict(_base_.param_scheduler[1], T_max=max_epochs - 1, begin=1, end=max_epochs),
]
train_cfg = dict(max_epochs=max_epochs)
auto_scale_lr = dict(base_batch_size=64)

default_hooks = dict(checkpoint=dict(interval=2))
