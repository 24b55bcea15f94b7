"""Stanford Dogs: data/stanford_dogs/{Images,meta}.

12,000 training and 8580 test images of 120 classes. Unpack images.tar and lists.tar there, then
write the lists in meta/:

    python tools/dataset_converters/convert_stanford_dogs.py data/stanford_dogs
"""
stanford_dogs = dict(
    num_classes=120,
    train=dict(
        _delete_=True, type='mmguided.ImageFolder', data_root='data/stanford_dogs',
        data_prefix='Images', ann_file='meta/train.txt', with_label=True),
    val=dict(
        _delete_=True, type='mmguided.ImageFolder', data_root='data/stanford_dogs',
        data_prefix='Images', ann_file='meta/test.txt', with_label=True, test_mode=True))
