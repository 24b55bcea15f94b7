"""What our parts add to mmdet's runtime."""
custom_imports = dict(imports=['mmguided'], allow_failed_imports=False)
custom_hooks = [
    dict(type='mmguided.RNGStateHook'),
    # Without it, testing would go on with random heads where the checkpoint is of pretraining or of
    # other classes. Training from load_from may start new heads, but no new encoder.
    dict(type='mmguided.StrictBackboneHook', test_prefix=''),
]
randomness = dict(seed=0, diff_rank_seed=True)
