"""MAE, ViT-B/16, 300 epochs on ImageNet-100: L(0; .75) of Conditional MAE.

    tools/dist_train.sh configs/mae/vit-b_300e_in100.py 8

Published (Conditional MAE): linear 62.9, fine-tune 86.88; COCO 38.9 / 35.1, ADE20K 38.3; DTD 57.9,
CIFAR-10 84.5, CIFAR-100 62.5, Tiny-ImageNet 63.4.
Create the class list first, see configs/_base_/datasets/imagenet100_224.py.
"""
_base_ = [
    '../_base_/models/mae_vit-b.py',
    '../_base_/datasets/imagenet100_224.py',
    '../_base_/schedules/mim_adamw_800e.py',
    '../_base_/default_runtime.py',
]

train_cfg = dict(max_epochs=300)
param_scheduler = [_base_.param_scheduler[0], dict(_base_.param_scheduler[1], end=300)]

total_batch_size = 256
train_dataloader = dict(batch_size=total_batch_size // 8)
optim_wrapper = dict(optimizer=dict(lr=1.5e-4 * total_batch_size / 256))
auto_scale_lr = dict(base_batch_size=total_batch_size)
