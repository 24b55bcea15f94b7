"""iNaturalist 2018: data/inaturalist2018/{train_val2018,meta}.

437,513 training and 24,426 validation images of 8142 classes. Unpack train_val2018.tar.gz there,
beside train2018.json and val2018.json, then write the lists in meta/:

    python tools/dataset_converters/convert_inaturalist.py data/inaturalist2018 --year 2018
"""
inaturalist2018 = dict(
    num_classes=8142,
    train=dict(
        _delete_=True, type='mmguided.ImageFolder', data_root='data/inaturalist2018',
        data_prefix='', ann_file='meta/train.txt', with_label=True),
    val=dict(
        _delete_=True, type='mmguided.ImageFolder', data_root='data/inaturalist2018',
        data_prefix='', ann_file='meta/val.txt', with_label=True, test_mode=True))
