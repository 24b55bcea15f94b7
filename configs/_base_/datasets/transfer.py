"""Small classification sets for transfer: number of classes, training split and test split.

configs/benchmarks/transfer/README.md describes the folders. There is no automatic download.
"""
# CIFAR images are RGB arrays in memory: the pipeline does not load files, and
# data_preprocessor.to_rgb must be False.
cifar10 = dict(
    num_classes=10,
    train=dict(
        _delete_=True, type='CIFAR10', data_root='data/cifar10', split='train', download=False),
    val=dict(
        _delete_=True, type='CIFAR10', data_root='data/cifar10', split='test', download=False))
cifar100 = dict(
    num_classes=100,
    train=dict(
        _delete_=True, type='CIFAR100', data_root='data/cifar100', split='train', download=False),
    val=dict(
        _delete_=True, type='CIFAR100', data_root='data/cifar100', split='test', download=False))
cub200 = dict(
    num_classes=200,
    train=dict(_delete_=True, type='CUB', data_root='data/CUB_200_2011', split='train'),
    val=dict(_delete_=True, type='CUB', data_root='data/CUB_200_2011', split='test'))
# This is the first of the ten splits of DTD.
dtd = dict(
    num_classes=47,
    train=dict(_delete_=True, type='DTD', data_root='data/dtd', split='trainval'),
    val=dict(_delete_=True, type='DTD', data_root='data/dtd', split='test'))
flowers102 = dict(
    num_classes=102,
    train=dict(_delete_=True, type='Flowers102', data_root='data/flowers102', split='trainval'),
    val=dict(_delete_=True, type='Flowers102', data_root='data/flowers102', split='test'))
folder = dict(_delete_=True, type='mmguided.ImageFolder', with_label=True)
inaturalist2018 = dict(
    num_classes=8142,
    train=dict(
        folder, data_root='data/inaturalist2018', data_prefix='', ann_file='meta/train.txt'),
    val=dict(
        folder, data_root='data/inaturalist2018', data_prefix='', ann_file='meta/val.txt',
        test_mode=True))
inaturalist2019 = dict(
    num_classes=1010,
    train=dict(
        folder, data_root='data/inaturalist2019', data_prefix='', ann_file='meta/train.txt'),
    val=dict(
        folder, data_root='data/inaturalist2019', data_prefix='', ann_file='meta/val.txt',
        test_mode=True))
stanford_dogs = dict(
    num_classes=120,
    train=dict(
        folder, data_root='data/stanford_dogs', data_prefix='Images', ann_file='meta/train.txt'),
    val=dict(
        folder, data_root='data/stanford_dogs', data_prefix='Images', ann_file='meta/test.txt',
        test_mode=True))
tiny_imagenet = dict(
    num_classes=200,
    train=dict(folder, data_root='data/tiny-imagenet-200', data_prefix='train'),
    val=dict(
        folder, data_root='data/tiny-imagenet-200', data_prefix='val', ann_file='meta/val.txt',
        test_mode=True))
