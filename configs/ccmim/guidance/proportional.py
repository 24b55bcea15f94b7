r"""Guidance study: masked patches are drawn in proportion to the attention.

    python projects/study/study.py configs/ccmim/guidance/proportional.py --data-root FOLDER
"""
_base_ = ['./released.py']

model = dict(mask_generator=dict(sampling=dict(type='mmguided.ProportionalSampling')))
