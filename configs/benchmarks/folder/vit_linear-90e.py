r"""Linear probe of a pretrained ViT of any size on a labeled folder, with the recipe for ImageNet.

    python tools/train.py configs/benchmarks/folder/vit_linear-90e.py --data-root FOLDER \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Folder and sizes are those of vit_knn.py. The recipe is ../imagenet/vit-b_linear-90e.py with 256
images per process; the learning rate is scaled to the batch size. For small datasets, use
vit_linear.py.
"""
_base_ = ['../imagenet/vit-b_linear-90e.py']

model = dict(
    backbone=dict(arch=None, img_size=None, patch_size=None),
    head=dict(num_classes=None))  # the number of class folders in FOLDER/train

train_pipeline = [
    _base_.train_pipeline[0],
    dict(_base_.train_pipeline[1], scale=None),
    *_base_.train_pipeline[2:],
]
test_pipeline = [
    _base_.test_pipeline[0],
    dict(_base_.test_pipeline[1], scale=None),
    dict(_base_.test_pipeline[2], crop_size=None),
    _base_.test_pipeline[3],
]
dataset = dict(_delete_=True, type='mmguided.ImageFolder', data_root='data/folder', with_label=True)
train_dataloader = dict(
    batch_size=256, dataset=dict(dataset, data_prefix='train', pipeline=train_pipeline))
val_dataloader = dict(
    dataset=dict(dataset, data_prefix='val', test_mode=True, pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(topk=(1, ))
test_evaluator = val_evaluator
auto_scale_lr = dict(enable=True)
