"""The schedule of mim_adamw_800e.py, over 1600 epochs."""
_base_ = ['./mim_adamw_800e.py']

max_epochs = 1600

param_scheduler = [
    _base_.param_scheduler[0],
    dict(_base_.param_scheduler[1], T_max=max_epochs - _base_.warmup_epochs, end=max_epochs),
]
train_cfg = dict(max_epochs=max_epochs)
