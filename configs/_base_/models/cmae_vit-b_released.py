"""CMAE with ViT-B/16 as its released code: 65 % of the blocks of 2 x 2 patches are masked."""
_base_ = ['./cmae_vit-b.py']

model = dict(
    mask_generator=dict(
        sampling=dict(type='mmguided.GridBlockSampling', block_size=2), mask_ratio=0.65))
