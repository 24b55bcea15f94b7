"""Self-guided MAE, ViT-B/16, 400 epochs, with fresh guidance: the current encoder scores the crops
in every iteration.

    tools/dist_train.sh configs/self_guided_mae/vit-b_400e_fresh.py 8

Published: see vit-b_400e.py, whose masks are computed once.
"""
_base_ = ['./vit-b_400e.py']

model = dict(
    mask_generator=dict(
        guidance=dict(_delete_=True, **_base_.model.mask_generator.guidance.guidance)))

train_pipeline = [_base_.train_pipeline[0], *_base_.train_pipeline[1].transforms]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
