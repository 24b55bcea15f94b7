r"""Guidance study: top-k.py with hints: a tenth of the masked patches stays visible, and the next
ones are masked instead.

    python projects/study/study.py configs/ccmim/guidance/top-k_hints.py --data-root FOLDER
"""
_base_ = ['./released.py']

model = dict(
    mask_generator=dict(
        sampling=dict(
            type='mmguided.HintSampling',
            sampling=dict(type='mmguided.TopKSampling'),
            ratio=0.1)))
