"""What our parts add to mmdet's runtime."""
custom_imports = dict(imports=['mmguided'], allow_failed_imports=False)
custom_hooks = [
    dict(type='mmguided.RNGStateHook'),
    # Without these, testing or load_from would go on with a random encoder where the checkpoint is
    # of another one, and with random heads where it is of pretraining. A detector of other classes
    # passes: the RPN knows none.
    dict(type='mmguided.StrictBackboneHook'),
    dict(type='mmguided.StrictBackboneHook', prefix='rpn_head.'),
]
randomness = dict(seed=0, diff_rank_seed=True)
