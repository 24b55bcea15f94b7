r"""Linear probe of a pretrained ViT-B/16 on a labeled folder of images at 224 px.

    python tools/train.py configs/benchmarks/folder/vit-b_linear.py --data-root FOLDER \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

The folder is FOLDER/{train,val}/CLASS/*. The recipe is ../imagenet/vit-b_linear-90e.py with 256
images per process; the learning rate is scaled to the batch size.
"""
_base_ = ['../imagenet/vit-b_linear-90e.py']

model = dict(head=dict(num_classes=None))  # None: count the class folders in FOLDER/train

dataset = dict(_delete_=True, type='CustomDataset', data_root='data/folder', with_label=True)
train_dataloader = dict(
    batch_size=256,
    dataset=dict(dataset, data_prefix='train', pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(dataset, data_prefix='val', pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(topk=(1, ))
test_evaluator = val_evaluator
auto_scale_lr = dict(enable=True)
