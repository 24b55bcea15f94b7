"""ImageNet-100 for evaluation: the classes of data/imagenet/subsets/imagenet100.txt, which is the
list of pretraining (see datasets/imagenet100_224.py)."""
imagenet100 = dict(
    _delete_=True,
    type='mmguided.ImageFolder',
    data_root='data/imagenet',
    classes='data/imagenet/subsets/imagenet100.txt',
    with_label=True)
