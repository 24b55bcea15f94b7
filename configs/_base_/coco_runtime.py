"""What our parts add to mmdet's runtime; the configs put `run_hooks` into mmdet's default hooks."""
custom_imports = dict(imports=['mmguided'], allow_failed_imports=False)
run_hooks = dict(
    rng_state=dict(type='mmguided.RNGStateHook'),
    run_identity=dict(type='mmguided.RunIdentityHook'),
    plain_checkpoint=dict(type='mmguided.PlainCheckpointHook'),
    # Without it, testing would go on with random heads where the checkpoint is of pretraining or of
    # other classes. Training from load_from may start new heads, but no new encoder.
    strict_backbone=dict(type='mmguided.StrictBackboneHook', test_prefix=''))
randomness = dict(seed=0, diff_rank_seed=True)
