r"""Guidance study: sharpness_1.0.py with a tenth of the masked patches left visible as hints.

    python projects/study/study.py configs/ccmim/guidance/sharpness_1.0_hints.py --data-root FOLDER
"""
_base_ = ['./released.py']

model = dict(
    mask_generator=dict(
        sampling=dict(
            type='mmguided.HintSampling',
            sampling=dict(
                type='mmguided.ImportanceSampling', log_scores=True, sharpness=1.0),
            ratio=0.1)))
