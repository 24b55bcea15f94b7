r"""Linear probe of a pretrained ViT-B/16 on ImageNet-100 with Conditional MAE's recipe.

    tools/dist_train.sh configs/benchmarks/imagenet100/vit-b_linear-90e.py 8 \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

Published top-1 (Table 1), on a subset that the paper does not name: MAE 62.9 (57.9 with
mask ratio .9). For ViT-S, see README.md.

The printed lr, .1, is read as MAE's base lr per 256 images, like all rates of this paper for
classification.
"""
_base_ = ['../imagenet/vit-b_linear-90e.py', '../../_base_/imagenet100.py']

total_batch_size = 1024  # over all processes

model = dict(head=dict(num_classes=100))
train_dataloader = dict(
    batch_size=total_batch_size // 8,
    dataset=dict(_base_.imagenet100, data_prefix='train', pipeline=_base_.train_pipeline))
val_dataloader = dict(
    dataset=dict(
        _base_.imagenet100, data_prefix='val', test_mode=True, pipeline=_base_.test_pipeline))
test_dataloader = dict(dataset=val_dataloader['dataset'])
optim_wrapper = dict(optimizer=dict(lr=0.1 * total_batch_size / 256))
auto_scale_lr = dict(base_batch_size=total_batch_size)
