r"""Guidance study: sharpness_1.0_hints.py in a share of the images that rises from none to all over
the run, as the quickstart.

    python tools/guidance_study.py configs/ccmim/guidance/sharpness_1.0_ramp_hints.py \
        --data-root FOLDER

Hardware: a CPU will do; ours is measured in docs/guidance_study.md. No paper reports a number for
this size.
"""
_base_ = ['./sharpness_1.0_hints.py']

model = dict(mask_generator=dict(schedule=dict(begin=0, ramp=6)))
