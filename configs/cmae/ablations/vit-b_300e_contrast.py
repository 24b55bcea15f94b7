"""CMAE ablation (Table 4a, "+ contrastive learning"): random crops, no feature decoder, 300 epochs.

    tools/dist_train.sh configs/cmae/ablations/vit-b_300e_contrast.py 8

Published: fine-tune 83.1.
Only the target view is recolored, as in the other rows; the paper does not state this for this row.
"""
_base_ = ['../vit-b_300e.py']

model = dict(feature_decoder=None, feature_head=None)

random_crop = dict(_base_.train_pipeline[1], scale=224)
train_pipeline = [
    _base_.train_pipeline[0],
    dict(
        type='MultiView',
        num_views=[1, 1],
        transforms=[[random_crop], [random_crop, *_base_.target_transforms]]),
    _base_.train_pipeline[-1],
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
