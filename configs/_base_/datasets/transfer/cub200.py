"""CUB-200-2011: data/CUB_200_2011/, as CUB_200_2011.tgz unpacks.

Of it are read images/, images.txt, image_class_labels.txt and train_test_split.txt: 5994 training
and 5794 test images of 200 classes.
"""
cub200 = dict(
    num_classes=200,
    train=dict(
        _delete_=True, type='CUB', data_root='data/CUB_200_2011', split='train'),
    val=dict(
        _delete_=True, type='CUB', data_root='data/CUB_200_2011', split='test'))
