r"""A subset of ImageNet-1K, here of 100 classes, for pretraining at 224 x 224.

There is no standard class list. Draw a class list, or check your own list:

    python tools/dataset_converters/make_imagenet_subset.py data/imagenet/train --num-classes 100 \
        --out data/imagenet/subsets/imagenet100.txt
    python tools/dataset_converters/make_imagenet_subset.py data/imagenet/train --check LIST \
        --out data/imagenet/subsets/imagenet100.txt
"""
_base_ = ['./imagenet_224.py']

train_dataloader = dict(dataset=dict(classes='data/imagenet/subsets/imagenet100.txt'))
