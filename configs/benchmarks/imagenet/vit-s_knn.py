"""k-NN accuracy of a pretrained ViT-S/16 on ImageNet-1K; protocol as vit-b_knn.py.

    tools/dist_test.sh configs/benchmarks/imagenet/vit-s_knn.py CHECKPOINT 8

Hardware as vit-b_knn.py; the bank takes 2.0 GB per GPU. No paper here reports k-NN.
"""
_base_ = ['./vit-b_knn.py']

model = dict(backbone=dict(arch='small'))
