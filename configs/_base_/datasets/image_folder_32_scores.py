"""Any folder of small images at 32 x 32 with the scores of a guidance that is cached."""
_base_ = ['./image_folder_32.py']

train_pipeline = [
    _base_.train_pipeline[0],
    dict(type='mmguided.WithScores', transforms=_base_.train_pipeline[1:]),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
