"""Self-guided MAE, ViT-S/16, on any folder of images, see docs/your_images.md.

    python tools/train.py configs/self_guided_mae/vit-s_images.py --data-root FOLDER

Guidance begins at the trigger, see configs/self_guided_mae/README.md. For ViT-B/16, add
`--cfg-options model.backbone.arch=base`. Data and schedule are those of configs/_base_/images.py.
"""
_base_ = ['../_base_/models/self_guided_mae_vit-b.py', '../_base_/images.py']

model = dict(backbone=dict(arch='small'))

train_pipeline = [
    _base_.train_pipeline[0],
    dict(type='mmguided.WithScores', transforms=_base_.train_pipeline[1:]),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))

default_hooks = dict(exploitation=dict(type='mmguided.ExploitationHook', interval=100))
