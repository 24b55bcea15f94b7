"""CMAE ablation (Table 4b): two random crops, no color augmentation, 300 epochs.

    tools/dist_train.sh configs/cmae/ablations/vit-b_300e_random-crop.py 8

Published: fine-tune 83.0.
"""
_base_ = ['../vit-b_300e.py']

random_crop = dict(_base_.train_pipeline[1], scale=224)
train_pipeline = [
    _base_.train_pipeline[0],
    # The online view and the target view.
    dict(type='MultiView', num_views=[1, 1], transforms=[[random_crop], [random_crop]]),
    _base_.train_pipeline[-1],
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
