"""k-NN accuracy of a pretrained ViT-S/16 with 10 % of ImageNet-1K's labels.

    tools/dist_test.sh configs/benchmarks/imagenet/vit-s_knn_10percent.py CHECKPOINT 8

Protocol as vit-b_knn_10percent.py, hardware as vit-b_knn.py. No paper here reports this number.
"""
_base_ = ['./vit-b_knn_10percent.py']

model = dict(backbone=dict(arch='small'))
