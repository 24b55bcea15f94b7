"""CMAE, ViT-B/16, 800 epochs, as in the released code.

    tools/dist_train.sh configs/cmae/vit-b_800e_released.py 8

Published: the numbers of vit-b_800e.py.
"""
_base_ = ['./vit-b_800e.py']

model = dict(
    mask_generator=dict(
        sampling=dict(type='mmguided.GridBlockSampling', block_size=2), mask_ratio=0.65))

# The image of 256 x 256 pixels is flipped before both views are cropped.
train_pipeline = [
    *_base_.train_pipeline[:2],
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    *_base_.train_pipeline[2:],
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))

# Weight decay applies to batch norms, but not to layer norms, biases and tokens.
optim_wrapper = dict(
    paramwise_cfg=dict(
        _delete_=True,
        custom_keys={
            name: dict(decay_mult=0.)
            for name in ('ln', 'bias', 'pos_embed', 'mask_token', 'cls_token')
        }))
