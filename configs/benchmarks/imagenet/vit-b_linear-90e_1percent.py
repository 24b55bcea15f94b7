r"""Linear probe of a pretrained ViT-B/16 on 1 % of ImageNet-1K; else vit-b_linear-90e.py.

    tools/dist_train.sh configs/benchmarks/imagenet/vit-b_linear-90e_1percent.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Trains on data/imagenet/subsets/train_1percent.txt, which
tools/dataset_converters/make_low_shot_subset.py makes of SimCLR's list, or draws. No paper here
states a recipe: this is the full probe's but for AdamW in place of LARS, lr 1e-3, 1024 images per
step. LARS moves a matrix by about a thousandth of lr times its norm a step, too little for the
few steps of a small set.

Hardware: 8 GPUs with 128 images each, not measured yet. No paper here reports this number.
"""
_base_ = ['./vit-b_linear-90e.py']

total_batch_size = 1024  # of all processes

train_dataloader = dict(
    batch_size=total_batch_size // 8,
    dataset=dict(ann_file='subsets/train_1percent.txt'))
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='AdamW', lr=1e-3, weight_decay=0.), paramwise_cfg=None)
train_cfg = dict(val_interval=5)
auto_scale_lr = dict(base_batch_size=total_batch_size)
