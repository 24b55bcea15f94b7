"""CIFAR-100 in its original "python version": data/cifar100/cifar-100-python/.

50,000 training and 10,000 test images of 100 classes: train and test.
They are arrays of 32 x 32 in RGB: no file is loaded for an image, and the channels must stay as
they are (data_preprocessor.to_rgb=False). Nothing is downloaded: unpack cifar-100-python.tar.gz.
"""
cifar100 = dict(
    num_classes=100,
    train=dict(
        _delete_=True, type='CIFAR100', data_root='data/cifar100', split='train', download=False),
    val=dict(
        _delete_=True, type='CIFAR100', data_root='data/cifar100', split='test', download=False))
