r"""AttMask-like in minutes on a CPU: vit-b_800e_attmask-like.py with the encoder and the schedule
of vit-micro_folder-32.py.

    python tools/train.py configs/cmt_mae/vit-micro_folder-32_attmask-like.py --data-root FOLDER
"""
_base_ = ['../mae/vit-micro_folder-32.py']

model = dict(
    momentum_encoder=dict(type='mmguided.MomentumEncoder', momentum=0.99, end_momentum=1.0),
    mask_generator=dict(
        sampling=dict(
            type='mmguided.HintSampling',
            sampling=dict(type='mmguided.TopKSampling'),
            ratio=0.1),
        guidance=dict(type='mmguided.ClsAttention', source='momentum', layers=[-1])))
