"""ImageNet-100 for evaluation. Pretraining uses the same class list,
data/imagenet/subsets/imagenet100.txt (see datasets/imagenet100_224.py)."""
imagenet100 = dict(
    _delete_=True,
    type='mmguided.ImageFolder',
    data_root='data/imagenet',
    classes='data/imagenet/subsets/imagenet100.txt',
    with_label=True)
