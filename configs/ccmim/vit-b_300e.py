"""ccMIM, ViT-B/16, 300 epochs; as vit-b_800e.py.

    tools/dist_train.sh configs/ccmim/vit-b_300e.py 8

Hardware: 8 GPUs, 128 images each, total batch 1024; --auto-scale-lr for any other number. Time: not
measured by us.
The paper's numbers: IN-1K linear 66.9, fine-tune 83.6; COCO Mask R-CNN 1x 49.1/43.1 AP box/mask;
ADE20K UPerNet 46.5 mIoU. Ours: not measured.
"""
_base_ = [
    '../_base_/models/ccmim_vit-b.py',
    '../_base_/datasets/imagenet_224.py',
    '../_base_/schedules/mim_adamw_300e.py',
    '../_base_/default_runtime.py',
]

# The paper's batch is 1024, on 32 GPUs; the base lr of 1.5e-4 is per 256 images.
total_batch_size = 1024
train_dataloader = dict(batch_size=total_batch_size // 8)
optim_wrapper = dict(optimizer=dict(lr=1.5e-4 * total_batch_size / 256))
auto_scale_lr = dict(base_batch_size=total_batch_size)
