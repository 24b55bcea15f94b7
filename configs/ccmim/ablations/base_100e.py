"""ccMIM, ViT-B/16, 100 epochs: vit-b_800e.py with another length, the base of its ablations.

    tools/dist_train.sh configs/ccmim/ablations/base_100e.py 8

Hardware: 8 GPUs, 128 images each, total batch 1024; --auto-scale-lr for any other number. Time: not
measured by us.
The paper's numbers (Table 5, importance sampling): linear/fine-tune 41.1/80.5. Ours: not measured.
"""
_base_ = ['../vit-b_800e.py']

max_epochs = 100

param_scheduler = [
    _base_.param_scheduler[0],
    dict(_base_.param_scheduler[1], T_max=max_epochs - _base_.warmup_epochs, end=max_epochs),
]
train_cfg = dict(max_epochs=max_epochs)
