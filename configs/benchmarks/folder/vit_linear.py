r"""Linear probe of a pretrained ViT of any size on a labeled folder of images, for small datasets.

    python tools/train.py configs/benchmarks/folder/vit_linear.py --data-root FOLDER \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Folder, sizes, feature, mean and std are those of vit_knn.py. The recipe is the ImageNet probe with
AdamW, because LARS changes a matrix by about lr / 1000 of its norm per step, which is too little
for the few steps on a small dataset. If a flip changes the class, as with digits, set
train_dataloader.dataset.pipeline.2.prob=0. The last, incomplete batch of an epoch is dropped. With
fewer than 128 training images, reduce train_dataloader.batch_size.
"""
_base_ = [
    '../../_base_/datasets/image_folder_eval.py',
    '../../_base_/schedules/warmup_cosine.py',
    '../../_base_/default_runtime.py',
]

total_batch_size = 128  # over all processes

model = dict(
    type='mmguided.ImageClassifier',
    freeze_backbone=True,
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True),
    backbone=dict(
        type='mmguided.MaskedViT',
        arch=None,
        img_size=None,
        patch_size=None,
        out_type='featmap',
        init_cfg=dict(type='Pretrained', checkpoint='', prefix='backbone.')),
    # If the width of neck and head is None, the width of the backbone is used.
    neck=[
        dict(type='GlobalAveragePooling'),
        dict(type='ClsBatchNormNeck', input_features=None),
    ],
    head=dict(
        type='VisionTransformerClsHead',
        num_classes=None,  # the number of class folders in FOLDER/train
        in_channels=None,
        loss=dict(type='CrossEntropyLoss'),
        init_cfg=dict(type='TruncNormal', layer='Linear', std=0.01)))

train_pipeline = [
    dict(type='mmguided.LoadImage'),
    dict(type='mmguided.RandomResizedCrop', scale=None, interpolation='bicubic'),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs')
]

train_dataloader = dict(
    batch_size=total_batch_size,
    num_workers=2,
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
    type='OptimWrapper', optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0., fused=True))
param_scheduler = [dict(_base_.cosine, eta_min=0.)]  # until the end of the run
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=50, val_interval=5)
val_cfg = dict()
auto_scale_lr = dict(enable=False, base_batch_size=total_batch_size)

default_hooks = dict(
    strict_backbone=dict(test_prefix=''), logger=dict(interval=10))
