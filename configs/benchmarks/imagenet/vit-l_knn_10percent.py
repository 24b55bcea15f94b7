"""k-NN accuracy of a pretrained ViT-L/16 with 10 % of ImageNet-1K's labels.

    tools/dist_test.sh configs/benchmarks/imagenet/vit-l_knn_10percent.py CHECKPOINT 8

Protocol as vit-b_knn_10percent.py, hardware as vit-b_knn.py. No paper here reports this number.
"""
_base_ = ['./vit-b_knn_10percent.py']

model = dict(backbone=dict(arch='large'))
