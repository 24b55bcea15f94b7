r"""Guidance study: top-k_hints.py with the last block of a momentum encoder as guidance.

    python projects/study/study.py configs/ccmim/guidance/momentum_top-k_hints.py --data-root FOLDER
"""
_base_ = ['./top-k_hints.py']

model = dict(
    momentum_encoder=dict(type='mmguided.MomentumEncoder', momentum=0.99, final_norm=True),
    mask_generator=dict(
        guidance=dict(
            _delete_=True, type='mmguided.ClsAttention', source='momentum', layers=[-1])))
