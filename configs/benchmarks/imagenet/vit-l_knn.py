"""k-NN accuracy of a pretrained ViT-L/16 on ImageNet-1K; protocol as vit-b_knn.py.

    tools/dist_test.sh configs/benchmarks/imagenet/vit-l_knn.py CHECKPOINT 8

Hardware as vit-b_knn.py; the bank takes 5.2 GB per GPU. No paper here reports k-NN.
"""
_base_ = ['./vit-b_knn.py']

model = dict(backbone=dict(arch='large'))
