"""What the evaluations on ImageNet-100 share: the classes of data/imagenet/subsets/imagenet100.txt
out of ImageNet-1K's folders; see datasets/imagenet100_224.py."""
imagenet100 = dict(
    _delete_=True,
    type='mmguided.ImageFolder',
    data_root='data/imagenet',
    classes='data/imagenet/subsets/imagenet100.txt',
    with_label=True)
