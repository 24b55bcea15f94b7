r"""Guidance study: as top-k_hints.py, by the attention of a momentum encoder's
last block.

    python tools/guidance_study.py configs/ccmim/guidance/momentum_top-k_hints.py --data-root FOLDER

Hardware: a CPU will do; ours is measured in docs/guidance_study.md. No paper reports a number for
this size.
"""
_base_ = ['./top-k_hints.py']

model = dict(
    momentum_encoder=dict(
        type='mmguided.MomentumEncoder', momentum=0.99, final_norm=True),
    mask_generator=dict(
        guidance=dict(
            _delete_=True,
            type='mmguided.ClsAttention',
            source='momentum',
            layers=[-1])))
