"""Any folder of images, labeled by sub-folder or not, for CMAE:

    --cfg-options train_dataloader.dataset.data_root=FOLDER
"""
# Not image_folder_224.py, which sets these few lines but not the two views.
_base_ = ['./imagenet_224_pixel-shift.py']

data_root = 'data/images'

train_dataloader = dict(
    # Keeps the last, smaller batch: a small folder may have no other.
    drop_last=False,
    dataset=dict(data_root=data_root, data_prefix='', with_label='auto'))
