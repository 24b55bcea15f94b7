"""MAE, ViT-B/16, 200 epochs: a baseline of Self-guided MAE.

    tools/dist_train.sh configs/mae/vit-b_200e.py 8

Hardware: 8 GPUs, 512 images each, total batch 4096; --auto-scale-lr for any other number. Time: not
measured by us.
Known elsewhere: linear 53.9 (Self-guided MAE, Table V). Ours: not measured.
"""
_base_ = ['./vit-b_400e.py']

max_epochs = 200

param_scheduler = [
    _base_.param_scheduler[0],
    dict(_base_.param_scheduler[1], T_max=max_epochs - _base_.warmup_epochs, end=max_epochs),
]
train_cfg = dict(max_epochs=max_epochs)
