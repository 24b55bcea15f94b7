r"""Guidance study: masks sorted by s / u (s: attention scores, u: uniform noise).

    python projects/study/study.py configs/ccmim/guidance/sharpness_1.0.py --data-root FOLDER
"""
_base_ = ['./released.py']

model = dict(mask_generator=dict(sampling=dict(log_scores=True, sharpness=1.0)))
