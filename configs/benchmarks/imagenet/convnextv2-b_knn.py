"""k-NN accuracy of a pretrained ConvNeXt V2-B on ImageNet-1K; the protocol is vit-b_knn.py.

    tools/dist_test.sh configs/benchmarks/imagenet/convnextv2-b_knn.py CHECKPOINT 8

The feature is the mean of the last map, normalized over its channels.
"""
_base_ = ['./vit-b_knn.py']

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmguided.DenseConvNeXt',
        arch='base',
        use_grn=True,
        layer_scale_init_value=0.,
        gap_before_final_norm=True))
