"""Linear warm-up and cosine schedule, updated in each iteration. Configs set begin and end."""
warmup = dict(
    type='LinearLR', start_factor=1e-4, by_epoch=True, begin=0, convert_to_iter_based=True)
cosine = dict(type='CosineAnnealingLR', by_epoch=True, convert_to_iter_based=True)
