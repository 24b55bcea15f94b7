r"""Linear probe of a pretrained ViT-Ti on a labeled folder of images at 32 px.

    python tools/train.py configs/benchmarks/folder/vit-tiny_linear.py --data-root FOLDER \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT model.head.num_classes=10

Folder, images, patches, mean and std are those of vit-tiny_knn.py. The recipe is the ImageNet probe
with AdamW, because LARS changes a matrix by about lr / 1000 of its norm per step, which is too
little for the few steps on a small dataset. If a flip changes the class, as with digits, set
train_dataloader.dataset.pipeline.2.prob=0. The last, incomplete batch of an epoch is dropped. With
fewer than 128 training images, reduce train_dataloader.batch_size.
"""
_base_ = [
    '../../_base_/datasets/image_folder_32_eval.py',
    '../../_base_/schedules/warmup_cosine.py',
    '../../_base_/default_runtime.py',
]

max_epochs = 50
total_batch_size = 128  # over all processes

model = dict(
    type='mmguided.ImageClassifier',
    freeze_backbone=True,
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True),
    backbone=dict(
        type='mmguided.MaskedViT',
        arch='tiny',
        img_size=_base_.image_size,
        patch_size=4,
        out_type='cls_token',
        init_cfg=dict(type='Pretrained', checkpoint='', prefix='backbone.')),
    # If the width of neck and head is None, the width of the backbone is used.
    neck=dict(type='ClsBatchNormNeck', input_features=None),
    head=dict(
        type='VisionTransformerClsHead',
        num_classes=10,
        in_channels=None,
        loss=dict(type='CrossEntropyLoss'),
        init_cfg=dict(type='TruncNormal', layer='Linear', std=0.01)))

train_pipeline = [
    dict(type='mmguided.LoadImage'),
    dict(
        type='RandomResizedCrop',
        scale=_base_.image_size,
        backend='pillow',
        interpolation='bicubic'),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs')
]

train_dataloader = dict(
    batch_size=total_batch_size,
    num_workers=2,
    persistent_workers=False,
    worker_init_fn=dict(type='mmguided.datasets.worker_init_fn'),
    drop_last=True,  # because batch normalization cannot train on one image
    sampler=dict(type='DefaultSampler', shuffle=True),
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        type='mmguided.ImageFolder',
        data_root=_base_.data_root,
        data_prefix='train',
        with_label=True,
        pipeline=train_pipeline))
val_dataloader = _base_.test_dataloader
val_evaluator = dict(type='Accuracy', topk=(1, ))
test_evaluator = val_evaluator

optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.))
param_scheduler = [dict(_base_.cosine, end=max_epochs, eta_min=0.)]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=5)
val_cfg = dict()
auto_scale_lr = dict(enable=False, base_batch_size=total_batch_size)

default_hooks = dict(
    strict_backbone=dict(test_prefix=''), logger=dict(interval=10))
