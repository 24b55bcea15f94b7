r"""Mask R-CNN on COCO for 90k iterations from a pretrained ViT-B/16, Self-guided MAE's recipe.

    tools/dist_train.sh configs/benchmarks/coco/vit-b_mask-rcnn-90k_self-guided.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Published box / mask AP, ViT-B: Self-guided MAE 43.3 / 39.3 (400 epochs of pretraining), MAE 43.0 /
38.9. The paper does not state batch size, steps and lr; the values here are our choice, see
README.md.
"""
_base_ = ['./vit-b_mask-rcnn-1x_cmt.py']

max_iters = 90000

train_dataloader = dict(sampler=dict(type='InfiniteSampler'))
train_cfg = dict(
    _delete_=True, type='IterBasedTrainLoop', max_iters=max_iters, val_interval=10000)
optim_wrapper = dict(optimizer=dict(lr=1e-4, weight_decay=0.1))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=500),
    dict(
        type='MultiStepLR',
        by_epoch=False,
        begin=0,
        end=max_iters,
        milestones=[60000, 80000],
        gamma=0.1)
]
default_hooks = dict(checkpoint=dict(by_epoch=False, interval=10000))
log_processor = dict(by_epoch=False)
