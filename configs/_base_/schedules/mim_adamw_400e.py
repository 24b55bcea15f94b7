"""The schedule of mim_adamw_800e.py, over 400 epochs."""
_base_ = ['./mim_adamw_800e.py']

max_epochs = 400
warmup_epochs = 40

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
train_cfg = dict(max_epochs=max_epochs)
