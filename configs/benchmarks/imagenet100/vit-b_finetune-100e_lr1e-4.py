r"""Fine-tuning of a pretrained ViT-B/16 on ImageNet-100, base lr 1e-4; else vit-b_finetune-100e.py.

    tools/dist_train.sh configs/benchmarks/imagenet100/vit-b_finetune-100e_lr1e-4.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

One of the three base rates that Conditional MAE searches (A.1), per 256 images, which is the batch.

Hardware: 8 GPUs with 32 images each, not measured yet. Ours: not measured.
"""
_base_ = ['./vit-b_finetune-100e.py']

lr = 1e-4

optim_wrapper = dict(optimizer=dict(lr=lr))
param_scheduler = [
    _base_.param_scheduler[0],
    dict(_base_.param_scheduler[1], eta_min_ratio=1e-6 / lr),
]
