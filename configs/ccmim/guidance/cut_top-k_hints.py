r"""Guidance study: top-k_hints.py with the relevance of a normalized cut as guidance.

    python projects/study/study.py configs/ccmim/guidance/cut_top-k_hints.py --data-root FOLDER
"""
_base_ = ['./top-k_hints.py']

model = dict(mask_generator=dict(guidance=dict(_delete_=True, type='mmguided.NcutRelevance')))
