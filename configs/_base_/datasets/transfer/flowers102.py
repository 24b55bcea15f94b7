"""Oxford Flowers-102: data/flowers102/{jpg,imagelabels.mat,setid.mat}.

8189 images of 102 classes. Trained on train and val (2040, 20 of each class), tested on test
(6149).
"""
flowers102 = dict(
    num_classes=102,
    train=dict(
        _delete_=True, type='Flowers102', data_root='data/flowers102', split='trainval'),
    val=dict(
        _delete_=True, type='Flowers102', data_root='data/flowers102', split='test'))
