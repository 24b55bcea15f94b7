"""Runtime of every config: scope, hooks, logging, checkpoints."""
default_scope = 'mmpretrain'
custom_imports = dict(imports=['mmguided'], allow_failed_imports=False)

default_hooks = dict(
    runtime_info=dict(type='mmguided.RuntimeInfoHook'),
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=100),
    progress=dict(type='mmguided.ProgressBarHook'),
    param_scheduler=dict(type='ParamSchedulerHook'),
    # InterruptionHook saves more often.
    checkpoint=dict(type='mmguided.SafeCheckpointHook', interval=10, max_keep_ckpts=2),
    finite=dict(type='mmguided.FiniteHook'),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    # These hooks are not in custom_hooks, because a config that sets custom_hooks replaces it.
    clock=dict(type='mmguided.ClockHook'),
    momentum_update=dict(type='mmguided.MomentumUpdateHook'),
    score_maps=dict(type='mmguided.ScoreMapsHook'),
    rng_state=dict(type='mmguided.RNGStateHook'),
    interruption=dict(type='mmguided.InterruptionHook'),
    schedule=dict(type='mmguided.ScheduleHook'),
    run_identity=dict(type='mmguided.RunIdentityHook'),
    optimizer_state=dict(type='mmguided.OptimizerStateHook'),
    plain_checkpoint=dict(type='mmguided.PlainCheckpointHook'),
    # Without this hook, load_from with a checkpoint of another size would start from random
    # weights.
    strict_backbone=dict(type='mmguided.StrictBackboneHook'),
    input_size=dict(type='mmguided.InputSizeHook'),
    broken_images=dict(type='mmguided.BrokenImageReportHook'))

env_cfg = dict(
    cudnn_benchmark=True,  # every batch has the same shape
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'))

vis_backends = [dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')]
visualizer = dict(type='UniversalVisualizer', vis_backends=vis_backends)

# In a log line, all measurements of training steps are means over the same window of 10 steps.
# Rates, momenta, metrics of evaluations and the norm of the gradient are current values.
log_processor = dict(
    window_size=10, mean_pattern=r'.*(loss|error|overlap|share|contrast|time).*')
log_level = 'INFO'
load_from = None
resume = False
randomness = dict(seed=0, diff_rank_seed=True)
