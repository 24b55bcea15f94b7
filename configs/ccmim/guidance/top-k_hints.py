r"""Guidance study: masks the patches of the highest attention, but for a
tenth, in place of which others are masked.

    python tools/guidance_study.py configs/ccmim/guidance/top-k_hints.py --data-root FOLDER

Hardware: a CPU will do; ours is measured in docs/guidance_study.md. No paper reports a number for
this size.
"""
_base_ = ['./released.py']

model = dict(
    mask_generator=dict(
        sampling=dict(
            _delete_=True,
            type='mmguided.HintSampling',
            sampling=dict(type='mmguided.TopKSampling'),
            ratio=0.1)))
