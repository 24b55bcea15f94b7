"""k-NN accuracy of a pretrained Swin-B on ImageNet-1K; the protocol is vit-b_knn.py.

    tools/dist_test.sh configs/benchmarks/imagenet/swin-b_knn.py CHECKPOINT 8

The feature is the mean of the last map. As in SimMIM's pretraining, the image size is 192 px
and the window size is 6 x 6 tokens, so no weights are resized.
"""
_base_ = ['./vit-b_knn.py']

test_pipeline = [
    _base_.test_pipeline[0],
    dict(_base_.test_pipeline[1], scale=219),
    dict(_base_.test_pipeline[2], crop_size=192),
    _base_.test_pipeline[3],
]
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
model = dict(
    backbone=dict(
        _delete_=True,
        type='mmguided.DenseSwin',
        arch='base',
        img_size=192,
        window_size=6),
    bank_dataloader=dict(dataset=dict(pipeline=test_pipeline)))
