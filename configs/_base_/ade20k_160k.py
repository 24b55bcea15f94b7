"""ADE20K at 512 x 512 for 160k iterations of 16 images, shared by all segmentors.

Data, runtime and length come from mmseg; optimizer and rates come from mmseg's MAE config.
"""
_base_ = [
    'mmseg::_base_/datasets/ade20k.py', 'mmseg::_base_/default_runtime.py',
    'mmseg::_base_/schedules/schedule_160k.py'
]
custom_imports = dict(
    imports=['mmguided', 'mmguided.evaluation.segmentor'], allow_failed_imports=False)

train_dataloader = dict(
    batch_size=2)  # per process, for 8 processes
auto_scale_lr = dict(enable=False, base_batch_size=16)

optim_wrapper = dict(
    _delete_=True,
    # On a CPU, tools/train.py uses full precision.
    type='AmpOptimWrapper',
    loss_scale='dynamic',
    optimizer=dict(
        type='AdamW', lr=1e-4, betas=(0.9, 0.999), weight_decay=0.05, fused=True),
    constructor='mmguided.LayerDecayOptimWrapperConstructor',
    paramwise_cfg=dict(
        layer_decay_rate=0.65,
        flat_decay_mult=0.,
        custom_keys={'.cls_token': dict(decay_mult=0.), '.pos_embed': dict(decay_mult=0.)}))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-6, by_epoch=False, begin=0, end=1500),
    dict(type='PolyLR', power=1.0, eta_min=0., by_epoch=False, begin=1500, end=160000)
]

default_hooks = dict(
    runtime_info=dict(type='mmguided.RuntimeInfoHook'),
    checkpoint=dict(type='mmguided.SafeCheckpointHook', max_keep_ckpts=2),
    finite=dict(type='mmguided.FiniteHook'),
    rng_state=dict(type='mmguided.RNGStateHook'),
    interruption=dict(type='mmguided.InterruptionHook'),
    schedule=dict(type='mmguided.ScheduleHook'),
    run_identity=dict(type='mmguided.RunIdentityHook'),
    optimizer_state=dict(type='mmguided.OptimizerStateHook'),
    plain_checkpoint=dict(type='mmguided.PlainCheckpointHook'),
    # A test must load the whole segmentor, not a pretrained encoder under a random head.
    strict_backbone=dict(type='mmguided.StrictBackboneHook', test_prefix=''))
randomness = dict(seed=0, diff_rank_seed=True)
