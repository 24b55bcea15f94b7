"""CMAE with ViT-B/16 as its released code: 65 % of the blocks of 2 x 2 patches are masked."""
_base_ = ['./cmae_vit-b.py']

model = dict(
    mask_generator=dict(
        sampling=dict(type='mmguided.GridBlockSampling', block_size=2), mask_ratio=0.65))

# For optim_wrapper.paramwise_cfg: layer norms, biases and tokens do not decay, batch norms do.
released_weight_decay = dict(
    _delete_=True,
    custom_keys={
        name: dict(decay_mult=0.)
        for name in ('ln', 'bias', 'pos_embed', 'mask_token', 'cls_token')
    })
