"""Conditional MAE, ViT-L/16, L(0, 10; .75, .1), 300 epochs on ImageNet-1K.

    tools/dist_train.sh configs/conditional_mae/vit-l_300e.py 8

The second shot comes before layer 10 of 24, as in ViT-B (footnote 4).
Hardware: 8 GPUs, 128 images each, total batch 1024; --auto-scale-lr for any other number. Time: not
measured by us.
The paper's number: fine-tune in a plot (Fig. 8). Ours: not measured.
"""
_base_ = ['./vit-b_300e.py']

max_epochs = 300
warmup_epochs = 30
total_batch_size = 1024

model = dict(backbone=dict(arch='large'))
train_dataloader = dict(batch_size=total_batch_size // 8)
# The base lr of this size is 5e-6 (A.1), far below ViT-B's 1.5e-4; see README.md.
optim_wrapper = dict(optimizer=dict(lr=5e-6 * total_batch_size / 256))
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=1e-4,
        by_epoch=True,
        begin=0,
        end=warmup_epochs,
        convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        T_max=max_epochs - warmup_epochs,
        by_epoch=True,
        begin=warmup_epochs,
        end=max_epochs,
        eta_min=0.,
        convert_to_iter_based=True)
]
auto_scale_lr = dict(base_batch_size=total_batch_size)
