"""SimMIM's schedule: AdamW, base lr 2e-4 per 512 images, 10 epochs of warm-up, cosine to lr / 20.

Neither mask tokens nor tables of relative positions decay: SimMIM's code excludes both, although
its second exclusion has no effect there; mmpretrain excludes the tables alone.
"""
max_epochs = 100
warmup_epochs = 10
total_batch_size = 2048  # of all processes; --auto-scale-lr rescales lr when yours differs

optim_wrapper = dict(
    type='AmpOptimWrapper',
    loss_scale='dynamic',
    optimizer=dict(
        type='AdamW', lr=2e-4 * total_batch_size / 512, betas=(0.9, 0.999), weight_decay=0.05),
    clip_grad=dict(max_norm=5.0),
    paramwise_cfg=dict(
        norm_decay_mult=0.,
        bias_decay_mult=0.,
        flat_decay_mult=0.,
        custom_keys=dict(
            mask_token=dict(decay_mult=0.), relative_position_bias_table=dict(decay_mult=0.))))

param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=1e-6 / 2e-4,
        by_epoch=True,
        begin=0,
        end=warmup_epochs,
        convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        T_max=max_epochs - warmup_epochs,
        by_epoch=True,
        begin=warmup_epochs,
        end=max_epochs,
        eta_min_ratio=1e-5 / 2e-4,  # and not eta_min, which --auto-scale-lr would not scale
        convert_to_iter_based=True)
]

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs)
auto_scale_lr = dict(enable=False, base_batch_size=total_batch_size)
