"""k-NN accuracy of a pretrained ViT-S/16 on ImageNet-100; protocol as vit-b_knn.py.

    tools/dist_test.sh configs/benchmarks/imagenet100/vit-s_knn.py CHECKPOINT 8

Hardware: one GPU or more, not measured yet. No paper here reports k-NN.
"""
_base_ = ['./vit-b_knn.py']

model = dict(backbone=dict(arch='small'))
