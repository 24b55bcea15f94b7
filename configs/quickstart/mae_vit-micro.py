"""MAE with the encoder, decoder, data and length of ccmim_vit-micro.py.

    bash tools/quickstart.sh [IMAGE_FOLDER]
"""
_base_ = ['./ccmim_vit-micro.py']

work_dir = 'work_dirs/quickstart/mae'

ccmim = _base_.model
model = dict(
    _delete_=True,
    type='mmguided.MAE',
    data_preprocessor=ccmim.data_preprocessor,
    backbone=ccmim.backbone,
    mask_generator=dict(
        type='mmguided.MaskGenerator', mask_ratio=ccmim.mask_generator.mask_ratio),
    neck=ccmim.neck,
    target_generator=ccmim.target_generator,
    head=ccmim.head)

custom_hooks = []
