r"""Guidance study: the patches with the highest attention are masked.

    python projects/study/study.py configs/ccmim/guidance/top-k.py --data-root FOLDER
"""
_base_ = ['./released.py']

model = dict(mask_generator=dict(sampling=dict(type='mmguided.TopKSampling')))
