"""k-NN accuracy of a pretrained ViT-B/16 on ImageNet-100; the protocol is ../imagenet/vit-b_knn.py.

    tools/dist_test.sh configs/benchmarks/imagenet100/vit-b_knn.py CHECKPOINT 8
"""
_base_ = ['../imagenet/vit-b_knn.py', '../../_base_/imagenet100.py']

subset = dict(_base_.imagenet100, test_mode=True, pipeline=_base_.test_pipeline)
test_dataloader = dict(dataset=dict(subset, data_prefix='val'))
model = dict(bank_dataloader=dict(dataset=dict(subset, data_prefix='train')))
