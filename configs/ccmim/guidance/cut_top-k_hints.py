r"""Guidance study: as top-k_hints.py, by the relevance of a normalized cut.

    python tools/guidance_study.py configs/ccmim/guidance/cut_top-k_hints.py --data-root FOLDER

Hardware: a CPU will do; ours is measured in docs/guidance_study.md. No paper reports a number for
this size.
"""
_base_ = ['./top-k_hints.py']

model = dict(
    mask_generator=dict(
        guidance=dict(
            _delete_=True,
            type='mmguided.NcutRelevance')))
