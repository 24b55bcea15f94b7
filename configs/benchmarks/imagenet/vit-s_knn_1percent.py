"""k-NN accuracy of a pretrained ViT-S/16 with 1 % of ImageNet-1K's labels.

    tools/dist_test.sh configs/benchmarks/imagenet/vit-s_knn_1percent.py CHECKPOINT 8

Protocol as vit-b_knn_1percent.py, hardware as vit-b_knn.py. No paper here reports this number.
"""
_base_ = ['./vit-b_knn_1percent.py']

model = dict(backbone=dict(arch='small'))
