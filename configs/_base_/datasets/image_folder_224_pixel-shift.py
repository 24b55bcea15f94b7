"""Any folder of images, with or without class folders, for CMAE.

    --cfg-options train_dataloader.dataset.data_root=FOLDER
"""
_base_ = ['./imagenet_224_pixel-shift.py']

data_root = 'data/images'

train_dataloader = dict(
    # Keep the last, incomplete batch, because a small folder may have only this one.
    drop_last=False,
    dataset=dict(data_root=data_root, data_prefix='', with_label='auto'))
