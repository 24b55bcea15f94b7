r"""AttMask-like in minutes on a CPU: vit-b_800e_attmask-like.py with the encoder and the schedule
of vit-micro_folder-32.py.

    python tools/train.py configs/cmt_mae/vit-micro_folder-32_attmask-like.py --data-root FOLDER
"""
_base_ = ['../_base_/models/attmask-like_vit-b.py', '../_base_/micro_folder-32.py']

model = dict(
    backbone=_base_.encoder,
    momentum_encoder=dict(momentum=0.99),
    neck=_base_.decoder)
