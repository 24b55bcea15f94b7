"""Conditional MAE, ViT-L/16, L(0, 10; .75, .1), 300 epochs.

    tools/dist_train.sh configs/conditional_mae/vit-l_300e.py 8

Published: fine-tune in a plot (Fig. 8), with base lr 5e-6 as printed. This config has
MAE's 1.5e-4, see README.md.
The second shot comes before layer 10 of 24, as in ViT-B (footnote 4).
"""
_base_ = ['./vit-b_300e.py']

warmup_epochs = 30
total_batch_size = 1024

model = dict(backbone=dict(arch='large'))
train_dataloader = dict(batch_size=total_batch_size // 8)
optim_wrapper = dict(optimizer=dict(lr=1.5e-4 * total_batch_size / 256))
param_scheduler = [
    dict(_base_.param_scheduler[0], end=warmup_epochs),
    dict(_base_.param_scheduler[1], begin=warmup_epochs),
]
auto_scale_lr = dict(base_batch_size=total_batch_size)
