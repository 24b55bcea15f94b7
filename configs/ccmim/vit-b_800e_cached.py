"""ccMIM, ViT-B/16, 800 epochs, with cached guidance: the [CLS] attention of whole images is
computed every 20 epochs and cropped with the images. The paper computes it in every iteration.

    tools/dist_train.sh configs/ccmim/vit-b_800e_cached.py 8
"""
_base_ = ['./vit-b_800e.py']

model = dict(
    mask_generator=dict(
        guidance=dict(
            _delete_=True,
            type='mmguided.CachedGuidance',
            guidance=_base_.model.mask_generator.guidance,
            refresh=20)))

train_pipeline = [
    _base_.train_pipeline[0],
    dict(type='mmguided.WithScores', transforms=_base_.train_pipeline[1:]),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
