"""Tiny-ImageNet: data/tiny-imagenet-200/{train,val,meta}, as tiny-imagenet-200.zip unpacks.

100,000 training and 10,000 validation images of 200 classes, 64 x 64. The validation images have
no folders of classes; write their list, meta/val.txt:

    python tools/dataset_converters/convert_tiny_imagenet.py data/tiny-imagenet-200
"""
tiny_imagenet = dict(
    num_classes=200,
    train=dict(
        _delete_=True, type='mmguided.ImageFolder', data_root='data/tiny-imagenet-200',
        data_prefix='train', with_label=True),
    val=dict(
        _delete_=True, type='mmguided.ImageFolder', data_root='data/tiny-imagenet-200',
        data_prefix='val', ann_file='meta/val.txt', with_label=True, test_mode=True))
