"""iNaturalist 2019: data/inaturalist2019/{train_val2019,meta}.

265,213 training and 3030 validation images of 1010 classes. Unpack train_val2019.tar.gz there,
beside train2019.json and val2019.json, then write the lists in meta/:

    python tools/dataset_converters/convert_inaturalist.py data/inaturalist2019 --year 2019
"""
inaturalist2019 = dict(
    num_classes=1010,
    train=dict(
        _delete_=True, type='mmguided.ImageFolder', data_root='data/inaturalist2019',
        data_prefix='', ann_file='meta/train.txt', with_label=True),
    val=dict(
        _delete_=True, type='mmguided.ImageFolder', data_root='data/inaturalist2019',
        data_prefix='', ann_file='meta/val.txt', with_label=True, test_mode=True))
