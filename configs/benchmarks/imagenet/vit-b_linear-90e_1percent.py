r"""Linear probe of a pretrained ViT-B/16 on 1 % of ImageNet-1K.

    tools/dist_train.sh configs/benchmarks/imagenet/vit-b_linear-90e_1percent.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

The recipe is vit-b_linear-90e.py with AdamW, because LARS changes a matrix by about lr / 1000 of
its norm per step, which is too little for the few steps on a small dataset. The list of images is
data/imagenet/subsets/train_1percent.txt, see README.md.
"""
_base_ = ['./vit-b_linear-90e.py']

total_batch_size = 1024  # over all processes

train_dataloader = dict(
    batch_size=total_batch_size // 8,
    dataset=dict(ann_file='subsets/train_1percent.txt'))
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='AdamW', lr=1e-3, weight_decay=0., fused=True),
    paramwise_cfg=None)
train_cfg = dict(val_interval=5)
auto_scale_lr = dict(base_batch_size=total_batch_size)
