"""CIFAR-10 in its original "python version": data/cifar10/cifar-10-batches-py/.

50,000 training and 10,000 test images of 10 classes: data_batch_1 to data_batch_5 and test_batch.
They are arrays of 32 x 32 in RGB: no file is loaded for an image, and the channels must stay as
they are (data_preprocessor.to_rgb=False). Nothing is downloaded: unpack cifar-10-python.tar.gz.
"""
cifar10 = dict(
    num_classes=10,
    train=dict(
        _delete_=True, type='CIFAR10', data_root='data/cifar10', split='train', download=False),
    val=dict(
        _delete_=True, type='CIFAR10', data_root='data/cifar10', split='test', download=False))
