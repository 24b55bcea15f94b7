"""CMAE ablation (Table 4a, "+ contrastive learning"), 300 epochs: random crops, no feature decoder.

    tools/dist_train.sh configs/cmae/ablations/components_contrast_300e.py 8

Hardware: 8 GPUs, 512 images each, total batch 4096; --auto-scale-lr for any other number, which
changes the number of negatives too. Time: not measured by us.
The paper's number: fine-tune 83.1. Ours: not measured.
"""
_base_ = ['../vit-b_300e.py']

model = dict(feature_decoder=None, feature_head=None)

random_crop = dict(
    type='RandomResizedCrop',
    scale=224,
    crop_ratio_range=(0.2, 1.0),
    backend='pillow',
    interpolation='bicubic')
train_pipeline = [
    dict(type='LoadImageFromFile', imdecode_backend='pillow'),
    # Only the target view is recolored, as everywhere else; of this row the paper does not tell.
    dict(
        type='MultiView',
        num_views=[1, 1],
        transforms=[[random_crop], [random_crop, *_base_.target_transforms]]),
    dict(type='PackInputs')
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
