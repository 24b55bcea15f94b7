"""k-NN accuracy of a pretrained ViT-B/16 with 10 % of ImageNet-1K's labels; else vit-b_knn.py.

    tools/dist_test.sh configs/benchmarks/imagenet/vit-b_knn_10percent.py CHECKPOINT 8

The bank is data/imagenet/subsets/train_10percent.txt, about 128 images of each class, which
tools/dataset_converters/make_low_shot_subset.py makes of SimCLR's list, or draws. No paper here
reports this number.

Hardware as vit-b_knn.py.
"""
_base_ = ['./vit-b_knn.py']

model = dict(bank_dataloader=dict(dataset=dict(ann_file='subsets/train_10percent.txt')))
