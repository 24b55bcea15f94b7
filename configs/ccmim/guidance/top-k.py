r"""Guidance study: the patches with the highest attention are masked.

    python projects/guidance_study/guidance_study.py \
        configs/ccmim/guidance/top-k.py --data-root FOLDER
"""
_base_ = ['./released.py']

model = dict(mask_generator=dict(sampling=dict(type='mmguided.TopKSampling')))
