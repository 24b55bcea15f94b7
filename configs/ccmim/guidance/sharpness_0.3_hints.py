r"""Guidance study: sorts s**0.3 / u, s the attention; a tenth of what would
be masked stays visible, and others are masked instead.

    python tools/guidance_study.py configs/ccmim/guidance/sharpness_0.3_hints.py --data-root FOLDER

Hardware: a CPU will do; ours is measured in docs/guidance_study.md. No paper reports a number for
this size.
"""
_base_ = ['../vit-micro_folder-32.py']

model = dict(
    mask_generator=dict(
        sampling=dict(
            _delete_=True,
            type='mmguided.HintSampling',
            sampling=dict(
                type='mmguided.ImportanceSampling', log_scores=True, sharpness=0.3),
            ratio=0.1)))
