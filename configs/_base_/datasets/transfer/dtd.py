"""Describable Textures: data/dtd/{images,imdb,labels}, as dtd-r1.0.1.tar.gz unpacks.

5640 images of 47 classes; imdb/imdb.mat says which are of which split, the first of the ten that
labels/ lists. Trained on train and val (3760), tested on test (1880).
"""
dtd = dict(
    num_classes=47,
    train=dict(
        _delete_=True, type='DTD', data_root='data/dtd', split='trainval'),
    val=dict(
        _delete_=True, type='DTD', data_root='data/dtd', split='test'))
