r"""Guidance study: top-k_hints.py by the relevance of a normalized cut.

    python projects/guidance_study/guidance_study.py \
        configs/ccmim/guidance/cut_top-k_hints.py --data-root FOLDER
"""
_base_ = ['./top-k_hints.py']

model = dict(mask_generator=dict(guidance=dict(_delete_=True, type='mmguided.NcutRelevance')))
