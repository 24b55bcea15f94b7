"""mmdet's Mask R-CNN on a pretrained ViT-B/16; neck and heads are left to the protocols."""
_base_ = ['mmdet::_base_/models/mask-rcnn_r50_fpn.py']

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmguided.DenseViT',
        arch='base',
        img_size=224,  # of pretraining: positions are resampled to each batch
        patch_size=16,
        init_cfg=dict(type='Pretrained', checkpoint='', prefix='backbone.')))
