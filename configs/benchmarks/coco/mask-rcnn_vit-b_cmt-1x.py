r"""Mask R-CNN with a pretrained ViT-B/16 on COCO as CMT-MAE trains it, 12 epochs.

    tools/dist_train.sh configs/benchmarks/coco/mask-rcnn_vit-b_cmt-1x.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

The paper (Implementation) states 12 epochs, 16 images a step, lr 2e-4, divided by 10 after epochs 8
and 11, and, beside ADE20K, weight decay .05 and drop path .1. "Other settings are the same as"
MAE's: the blocks in four equal parts, of which the last maps, resampled to strides 4, 8, 16 and 32,
enter an FPN (MAE, A.3), in the detector that its authors describe in arXiv:2111.11429: that of
mask-rcnn_vit-b_fpn-100e.py, from which images, windows and layer decay are taken, too; 500
iterations of warm-up from mmdet.

Hardware: 8 GPUs with 2 images each, not measured yet. Box / mask AP that CMT-MAE reports for ViT-B:
CMT-MAE 52.8 / 45.7 (800 epochs, CLIP teacher), MAE 50.3 / 44.9 (1600). Ours: not measured.
"""
_base_ = ['./mask-rcnn_vit-b_fpn-100e.py']

train_dataloader = dict(batch_size=2, num_workers=4, dataset=dict(times=1))
train_cfg = dict(max_epochs=12, val_interval=1)
optim_wrapper = dict(optimizer=dict(lr=2e-4, weight_decay=0.05))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=500),
    dict(type='MultiStepLR', by_epoch=True, begin=0, end=12, milestones=[8, 11], gamma=0.1)
]
auto_scale_lr = dict(base_batch_size=16)
