r"""Fine-tune a pretrained ViT-B/16 on 10 % of ImageNet-1K with Semi-ViT's recipe for MAE.

    tools/dist_train.sh configs/benchmarks/imagenet/vit-b_finetune-100e_10percent.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Published top-1: 73.7 (Semi-ViT, arXiv:2208.05688, MAE's ViT-B, on its own subset). The list of
images is data/imagenet/subsets/train_10percent.txt, see README.md.
"""
_base_ = ['./vit-b_finetune-100e.py']

total_batch_size = 512  # over all processes
lr = 2.5e-4 * total_batch_size / 256

train_dataloader = dict(
    batch_size=total_batch_size // 8,
    dataset=dict(ann_file='subsets/train_10percent.txt'))
optim_wrapper = dict(optimizer=dict(lr=lr))
param_scheduler = [
    _base_.param_scheduler[0],
    dict(_base_.param_scheduler[1], eta_min_ratio=1e-6 / lr),
]
train_cfg = dict(val_interval=5)
auto_scale_lr = dict(base_batch_size=total_batch_size)
