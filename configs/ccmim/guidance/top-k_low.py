r"""Guidance study: the reverse of top-k.py, masks the patches of the lowest attention.

    python tools/guidance_study.py configs/ccmim/guidance/top-k_low.py --data-root FOLDER

Tells whether it matters that [CLS] attends to what is hidden, or only that masks are not random.

Hardware: a CPU will do; ours is measured in docs/guidance_study.md. No paper reports a number for
this size.
"""
_base_ = ['./top-k.py']

model = dict(mask_generator=dict(sampling=dict(masked='low')))
