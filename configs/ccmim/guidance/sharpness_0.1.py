r"""Guidance study: sorts s**0.1 / u, s the attention.

    python tools/guidance_study.py configs/ccmim/guidance/sharpness_0.1.py --data-root FOLDER

Hardware: a CPU will do; ours is measured in docs/guidance_study.md. No paper reports a number for
this size.
"""
_base_ = ['./released.py']

model = dict(
    mask_generator=dict(
        sampling=dict(
            _delete_=True,
            type='mmguided.ImportanceSampling',
            log_scores=True,
            sharpness=0.1)))
