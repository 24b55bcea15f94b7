"""Self-guided MAE, ViT-B/16, 1600 epochs, see vit-b_400e.py.

    tools/dist_train.sh configs/self_guided_mae/vit-b_1600e.py 8

Hardware: 8 GPUs, 512 images each, total batch 4096; --auto-scale-lr for any other number. Time: not
measured by us.
The paper's number (Table V): IN-1K linear 68.7 (MAE 68.0). Ours: not measured.
"""
_base_ = ['./vit-b_400e.py']

max_epochs = 1600

param_scheduler = [
    _base_.param_scheduler[0],
    dict(_base_.param_scheduler[1], T_max=max_epochs - _base_.warmup_epochs, end=max_epochs),
]
train_cfg = dict(max_epochs=max_epochs)
