"""CMT-MAE ablation (Table 4): collaborative masks, and the normalized pixels of MAE as the target.

    tools/dist_train.sh configs/cmt_mae/ablations/vit-b_800e_masks-only.py 8

Published: linear 73.5, fine-tune 84.2; COCO 50.3 / 43.5; ADE20K 48.3; DAVIS J&F 53.8, J 51.8,
F 55.8.
For CLIP's weights, see configs/cmt_mae/README.md.
"""
_base_ = ['../vit-b_800e.py']

cmt_mae = _base_.model
model = dict(
    _delete_=True,
    type='mmguided.MAE',
    **{part: cmt_mae[part] for part in (
        'backbone', 'neck', 'teacher', 'momentum_encoder', 'mask_generator')},
    target_generator=dict(type='mmguided.PixelTarget', norm_pix=True),
    head=dict(type='mmguided.ReconstructionHead'))
find_unused_parameters = False  # there is no second head
