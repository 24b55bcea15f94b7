r"""Mask R-CNN on COCO for 12 epochs from a pretrained ViT-B/16: CMT-MAE's rates, CAE's detector.

    tools/dist_train.sh configs/benchmarks/coco/vit-b_mask-rcnn-1x_cmt-cae.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Published box / mask AP (Table 4), ViT-B: CMT-MAE 52.8 / 45.7 (800 epochs of pretraining, CLIP
teacher), MAE 48.4 / 42.6 (1600). The paper does not describe its detector.
vit-b_mask-rcnn-1x_cmt.py follows MAE, which the paper cites. This config has CAE's detector
(vit-b_mask-rcnn-1x_cae.py), with which ccMIM's paper reports the same AP for MAE. See README.md.
"""
_base_ = ['./vit-b_mask-rcnn-1x_cae.py']

model = dict(backbone=dict(drop_path_rate=0.1))
train_dataloader = dict(batch_size=2)
optim_wrapper = dict(optimizer=dict(lr=2e-4))
param_scheduler = [_base_.param_scheduler[0], dict(_base_.param_scheduler[1], milestones=[8, 11])]
auto_scale_lr = dict(base_batch_size=16)
