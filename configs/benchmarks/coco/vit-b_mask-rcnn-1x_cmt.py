r"""Mask R-CNN on COCO for 12 epochs from a pretrained ViT-B/16 with CMT-MAE's recipe.

    tools/dist_train.sh configs/benchmarks/coco/vit-b_mask-rcnn-1x_cmt.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Published box / mask AP, ViT-B: CMT-MAE 52.8 / 45.7 (800 epochs of pretraining, CLIP teacher), MAE
50.3 / 44.9 (1600). The detector follows MAE, see README.md.
"""
_base_ = ['./vit-b_mask-rcnn-100e_fpn.py']

train_dataloader = dict(batch_size=2, num_workers=4, dataset=dict(times=1))
train_cfg = dict(max_epochs=12, val_interval=1)
optim_wrapper = dict(optimizer=dict(lr=2e-4, weight_decay=0.05))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=500),
    dict(type='MultiStepLR', by_epoch=True, begin=0, end=12, milestones=[8, 11], gamma=0.1)
]
auto_scale_lr = dict(base_batch_size=16)
