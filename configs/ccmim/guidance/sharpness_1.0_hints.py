r"""Guidance study: sorts s / u, s the attention; a tenth of what would be
masked stays visible, and others are masked instead.

    python tools/guidance_study.py configs/ccmim/guidance/sharpness_1.0_hints.py --data-root FOLDER

Hardware: a CPU will do; ours is measured in docs/guidance_study.md. No paper reports a number for
this size.
"""
_base_ = ['./released.py']

model = dict(
    mask_generator=dict(
        sampling=dict(
            _delete_=True,
            type='mmguided.HintSampling',
            sampling=dict(
                type='mmguided.ImportanceSampling', log_scores=True, sharpness=1.0),
            ratio=0.1)))
