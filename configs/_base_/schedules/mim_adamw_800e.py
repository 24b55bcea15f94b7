"""Schedule of MAE: AdamW, base lr 1.5e-4 per 256 images, 40 epochs of warm-up, cosine to zero.

For another length, add --epochs N.
"""
_base_ = ['./warmup_cosine.py']

max_epochs = 800
warmup_epochs = 40
total_batch_size = 4096  # over all processes; for another size, --auto-scale-lr scales lr

optim_wrapper = dict(
    type='AmpOptimWrapper',
    loss_scale='dynamic',
    optimizer=dict(
        type='AdamW',
        lr=1.5e-4 * total_batch_size / 256,
        betas=(0.9, 0.95),
        weight_decay=0.05,
        fused=True),
    constructor='mmguided.OptimWrapperConstructor',
    # As in timm and MAE, weight decay applies to tokens, but not to vectors and biases.
    paramwise_cfg=dict(norm_decay_mult=0., bias_decay_mult=0., flat_decay_mult=0.))

param_scheduler = [
    dict(_base_.warmup, end=warmup_epochs),
    dict(_base_.cosine, begin=warmup_epochs, end=max_epochs, eta_min=0.),
]

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs)
auto_scale_lr = dict(enable=False, base_batch_size=total_batch_size)
