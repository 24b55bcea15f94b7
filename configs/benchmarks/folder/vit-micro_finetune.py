r"""Fine-tuning of the ViT that the vit-micro_folder-32.py configs pretrain.

    python tools/train.py configs/benchmarks/folder/vit-micro_finetune.py --data-root FOLDER \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT model.head.num_classes=10 \
        model.data_preprocessor.num_classes=10

Folders, sizes, protocol and the rest as in vit-tiny_finetune.py.

Hardware: a CPU will do, not measured yet. No paper reports a number for this size.
"""
_base_ = ['./vit-tiny_finetune.py']

model = dict(
    backbone=dict(
        arch=dict(
            _delete_=True,
            embed_dims=128,
            num_layers=4,
            num_heads=4,
            feedforward_channels=512)),
    head=dict(in_channels=128))
