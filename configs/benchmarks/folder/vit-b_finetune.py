r"""Fine-tuning of a pretrained ViT-B/16 on a labeled folder of images at 224 px.

    python tools/train.py configs/benchmarks/folder/vit-b_finetune.py --data-root FOLDER \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

FOLDER/{train,val}/CLASS/*; protocol as ../imagenet/vit-b_finetune-100e.py, but 64 images a
process, and the learning rate follows the batch.

Hardware: one GPU. Not measured yet.
"""
_base_ = ['../imagenet/vit-b_finetune-100e.py', '../../_base_/folder_224.py']

# as many classes as FOLDER/train has folders
model = dict(data_preprocessor=dict(num_classes=None), head=dict(num_classes=None))

train_dataloader = dict(
    batch_size=64,
    dataset=dict(_base_.labeled_folder, data_prefix='train', pipeline=_base_.train_pipeline))
val_dataloader = dict(
    dataset=dict(_base_.labeled_folder, data_prefix='val', pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(topk=(1, ))
test_evaluator = val_evaluator
auto_scale_lr = dict(enable=True)
