r"""Guidance study: sorts s / u, s the attention, in a share of the images that
rises from none to all over the run.

    python tools/guidance_study.py configs/ccmim/guidance/sharpness_1.0_ramp.py --data-root FOLDER

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
            sharpness=1.0),
        schedule=dict(begin=0, ramp=6)))
