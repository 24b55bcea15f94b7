r"""Fine-tune a pretrained ViT-B/16 on 1 % of ImageNet-1K with Semi-ViT's recipe for MAE.

    tools/dist_train.sh configs/benchmarks/imagenet/vit-b_finetune-100e_1percent.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Published top-1: 57.4 (Semi-ViT, arXiv:2208.05688, MAE's ViT-B, on its own subset). The list of
images is data/imagenet/subsets/train_1percent.txt, see README.md.
"""
_base_ = ['./vit-b_finetune-100e_10percent.py']

lr = 5e-5 * 512 / 256

# There is no drop path, mixup, cutmix or random erasing.
model = dict(backbone=dict(drop_path_rate=0.), train_cfg=None)
train_dataloader = dict(
    dataset=dict(
        ann_file='subsets/train_1percent.txt',
        pipeline=[*_base_.train_pipeline[:4], _base_.train_pipeline[5]]))
optim_wrapper = dict(optimizer=dict(lr=lr))
param_scheduler = [
    _base_.param_scheduler[0],
    dict(_base_.param_scheduler[1], eta_min_ratio=1e-6 / lr),
]
