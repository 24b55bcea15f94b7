r"""Fine-tuning of a pretrained ViT-B/16 on 1 % of ImageNet-1K; else vit-b_finetune-100e.py.

    tools/dist_train.sh configs/benchmarks/imagenet/vit-b_finetune-100e_1percent.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Trains on data/imagenet/subsets/train_1percent.txt, which
tools/dataset_converters/make_low_shot_subset.py makes of SimCLR's list, or draws. No paper here
states a recipe: this is the one by which Semi-ViT (arXiv:2208.05688, released FINETUNE.md)
fine-tunes MAE, 512 images per step, base lr 5e-5 per 256 images = 1e-4; no drop path, random
erasing, mixup or cutmix.

Hardware: 8 GPUs with 64 images each, not measured yet. Known elsewhere: 57.4 by Semi-ViT, on a
subset of its own, of MAE's ViT-B. Ours: not measured.
"""
_base_ = ['./vit-b_finetune-100e.py']

total_batch_size = 512  # of all processes
lr = 5e-5 * total_batch_size / 256

model = dict(backbone=dict(drop_path_rate=0.), train_cfg=None)
# No random erasing.
train_pipeline = [*_base_.train_pipeline[:4], _base_.train_pipeline[5]]
train_dataloader = dict(
    batch_size=total_batch_size // 8,
    dataset=dict(ann_file='subsets/train_1percent.txt', pipeline=train_pipeline))
optim_wrapper = dict(optimizer=dict(lr=lr))
param_scheduler = [
    _base_.param_scheduler[0],
    dict(_base_.param_scheduler[1], eta_min_ratio=1e-6 / lr),
]
train_cfg = dict(val_interval=5)
auto_scale_lr = dict(base_batch_size=total_batch_size)
