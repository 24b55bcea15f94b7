r"""Guidance study: sharpness_1.0.py in a share of the images that rises from 0 to 1 over the run.

    python projects/study/study.py configs/ccmim/guidance/sharpness_1.0_ramp.py --data-root FOLDER
"""
_base_ = ['./sharpness_1.0.py']

model = dict(mask_generator=dict(schedule=dict(begin=0, ramp=1., relative=True)))
