r"""Mask R-CNN with a pretrained ViT-B/16 on COCO as CMT-MAE trains it, 12 epochs.

    tools/dist_train.sh configs/benchmarks/coco/mask-rcnn_vit-b_cmt-1x.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

16 images a step, lr 2e-4, divided by 10 after epochs 8 and 11, weight decay .05, drop path .1
(Implementation; the last two are stated beside ADE20K). "Other settings are the same as" MAE's,
whose 100 epochs at 1024 px contradict the 12 epochs: pyramid, image sizes and layer decay are CAE's
here, as in mask-rcnn_vit-b_cae-1x.py.

Hardware: 8 GPUs with 2 images each, not measured yet. Box / mask AP that CMT-MAE reports for ViT-B:
CMT-MAE 52.8 / 45.7 (800 epochs, CLIP teacher), MAE 50.3 / 44.9 (1600). Ours: not measured.
"""
_base_ = ['./mask-rcnn_vit-b_cae-1x.py']

model = dict(backbone=dict(drop_path_rate=0.1))
train_dataloader = dict(batch_size=2)
optim_wrapper = dict(optimizer=dict(lr=2e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=500),
    dict(type='MultiStepLR', by_epoch=True, begin=0, end=12, milestones=[8, 11], gamma=0.1)
]
auto_scale_lr = dict(base_batch_size=16)
