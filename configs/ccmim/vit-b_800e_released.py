"""ccMIM, ViT-B/16, 800 epochs, exactly as the released code.

    tools/dist_train.sh configs/ccmim/vit-b_800e_released.py 8

Hardware: 8 GPUs, 128 images each, 4 steps accumulated, total batch 4096. Time: not measured by us.
For the paper's numbers see vit-b_800e.py. Ours: not measured.
"""
_base_ = [
    '../_base_/models/ccmim_vit-b.py',
    '../_base_/datasets/imagenet_224_flip.py',
    '../_base_/schedules/mim_adamw_800e.py',
    '../_base_/default_runtime.py',
]

model = dict(
    # Heads are averaged after their softmax, which includes [CLS].
    mask_generator=dict(guidance=dict(softmax='heads')),
    # NCE without the visible-visible terms, times 2 * temperature; lambda = 0.1.
    contrast_head=dict(student_negatives=False, temperature_scale=True, loss_weight=0.1))

# Its README: 32 GPUs x 32 images x 4 accumulated steps = 4096. A step contrasts 1024 images here
# too; batch normalization sees 128 per process instead of 32.
train_dataloader = dict(batch_size=128)
optim_wrapper = dict(accumulative_counts=4)
auto_scale_lr = dict(base_batch_size=8 * 128)
