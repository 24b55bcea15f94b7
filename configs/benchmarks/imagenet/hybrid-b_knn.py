"""k-NN accuracy of a pretrained hybrid ViT-B on ImageNet-1K; the protocol is vit-b_knn.py.

    tools/dist_test.sh configs/benchmarks/imagenet/hybrid-b_knn.py CHECKPOINT 8

The feature is the mean patch token, because the convolutional stages are added to the patches only.
"""
_base_ = ['./vit-b_knn.py']

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmguided.MaskedHybridViT',
        arch='base',
        img_size=224,
        out_type='featmap'))
