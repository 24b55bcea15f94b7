r"""Linear probe of a pretrained ViT-S/16 on a labeled folder of images at 224 px.

    python tools/train.py configs/benchmarks/folder/vit-s_linear.py --data-root FOLDER \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

FOLDER/{train,val}/CLASS/*; protocol as ../imagenet/vit-s_linear-90e.py, but 256 images a
process, and the learning rate follows the batch.

Hardware: one GPU. Not measured yet.
"""
_base_ = ['../imagenet/vit-s_linear-90e.py', '../../_base_/folder_224.py']

model = dict(head=dict(num_classes=None))  # as many as FOLDER/train has folders

train_dataloader = dict(
    batch_size=256,
    dataset=dict(_base_.labeled_folder, data_prefix='train', pipeline=_base_.train_pipeline))
val_dataloader = dict(
    dataset=dict(_base_.labeled_folder, data_prefix='val', pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(topk=(1, ))
test_evaluator = val_evaluator
auto_scale_lr = dict(enable=True)
