"""k-NN accuracy of a pretrained ViT-B/16 on ImageNet-100; protocol as ../imagenet/vit-b_knn.py.

    tools/dist_test.sh configs/benchmarks/imagenet100/vit-b_knn.py CHECKPOINT 8

The list of classes is that of pretraining, see configs/_base_/datasets/imagenet100_224.py.

Hardware: one GPU or more, not measured yet. No paper here reports k-NN.
"""
_base_ = ['../imagenet/vit-b_knn.py', '../../_base_/imagenet100.py']

subset = dict(_base_.imagenet100, test_mode=True, pipeline=_base_.test_pipeline)
test_dataloader = dict(dataset=dict(subset, data_prefix='val'))
model = dict(bank_dataloader=dict(dataset=dict(subset, data_prefix='train')))
