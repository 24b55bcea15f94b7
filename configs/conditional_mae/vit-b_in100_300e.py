"""Conditional MAE, ViT-B/16, L(0, 10; .75, .1), 300 epochs on ImageNet-100.

    tools/dist_train.sh configs/conditional_mae/vit-b_in100_300e.py 8

Other shots: tools/conditional_mae_study.py. The list of classes is to be made first,
see configs/_base_/datasets/imagenet100_224.py.
Hardware: 8 GPUs, 32 images each, total batch 256; --auto-scale-lr for any other number. Time: not
measured by us.
The paper's numbers: fine-tune 87.66 (MAE 86.88); COCO 39.5/35.5 AP box/mask (38.9/35.1), ADE20K
38.9 (38.3). Ours: not measured.
"""
_base_ = [
    '../_base_/models/conditional_mae_vit-b.py',
    '../_base_/datasets/imagenet100_224.py',
    '../_base_/schedules/mim_adamw_300e.py',
    '../_base_/default_runtime.py',
]

total_batch_size = 256
train_dataloader = dict(batch_size=total_batch_size // 8)
optim_wrapper = dict(optimizer=dict(lr=1.5e-4 * total_batch_size / 256))
auto_scale_lr = dict(base_batch_size=total_batch_size)
