r"""Guidance study: random masks.

    python projects/study/study.py configs/ccmim/guidance/random.py --data-root FOLDER
"""
_base_ = ['./released.py']

model = dict(
    mask_generator=dict(sampling=dict(type='mmguided.RandomSampling'), guidance=None))
