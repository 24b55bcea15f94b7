"""ccMIM, ViT-B/16, 800 epochs, exactly as in the released code.

    tools/dist_train.sh configs/ccmim/vit-b_800e_released.py 8

Published: the numbers of vit-b_800e.py.
"""
_base_ = [
    '../_base_/models/ccmim_vit-b.py',
    '../_base_/datasets/imagenet_224_flip.py',
    '../_base_/schedules/mim_adamw_800e.py',
    '../_base_/default_runtime.py',
]

model = dict(
    # Softmax over [CLS] and patches in each head, then the mean over heads.
    mask_generator=dict(guidance=dict(softmax='heads')),
    # InfoNCE without the visible-visible terms, multiplied by 2 * temperature; lambda = 0.1.
    contrast_head=dict(student_negatives=False, temperature_scale=True, loss_weight=0.1))

# The released code uses 32 GPUs x 32 images x 4 accumulated steps = 4096. Here, one step also
# contrasts 1024 images, but batch normalization uses 128 images per process instead of 32.
train_dataloader = dict(batch_size=128)
optim_wrapper = dict(accumulative_counts=4)
