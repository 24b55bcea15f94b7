r"""Guidance study: MAE, without guidance and without contrast.

    python projects/study/study.py configs/ccmim/guidance/mae.py --data-root FOLDER
"""
_base_ = ['./random.py']

parts = ('backbone', 'mask_generator', 'neck', 'target_generator', 'head')
model = dict(
    _delete_=True, type='mmguided.MAE', **{part: _base_.model[part] for part in parts})
