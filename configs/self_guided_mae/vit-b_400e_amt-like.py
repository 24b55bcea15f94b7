"""AMT-like, ViT-B/16, 400 epochs: from epoch 41 on, patches are masked in proportion to the [CLS]
attention of the last block on the whole image, which is recomputed every 40 epochs. The original
AMT also throws patches, see configs/self_guided_mae/README.md.

    tools/dist_train.sh configs/self_guided_mae/vit-b_400e_amt-like.py 8

Published for AMT (Table 2): linear 61.7, fine-tune 82.8 (MAE 61.4, 82.5).
"""
_base_ = ['../mae/vit-b_400e.py']

model = dict(
    mask_generator=dict(
        sampling=dict(type='mmguided.ProportionalSampling', masked='high'),
        guidance=dict(
            type='mmguided.CachedGuidance',
            guidance=dict(type='mmguided.ClsAttention', source='student', layers=[-1]),
            refresh=40),
        schedule=dict(begin=41)))

train_pipeline = [
    _base_.train_pipeline[0],
    dict(type='mmguided.WithScores', transforms=_base_.train_pipeline[1:]),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
