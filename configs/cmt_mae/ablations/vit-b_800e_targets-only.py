"""CMT-MAE ablation (Table 4): collaborative targets, and the random masks of MAE.

    tools/dist_train.sh configs/cmt_mae/ablations/vit-b_800e_targets-only.py 8

Published: linear 74.2, fine-tune 84.5; COCO 50.9 / 44.2; ADE20K 49.2; DAVIS J&F 54.6, J 52.9,
F 56.3.
For CLIP's weights, see configs/cmt_mae/README.md.
"""
_base_ = ['../vit-b_800e.py']

model = dict(mask_generator=dict(_delete_=True, type='mmguided.MaskGenerator', mask_ratio=0.75))
