r"""Linear probe of the ViT that the vit-micro_folder-32.py configs pretrain, in 5 epochs.

    python tools/train.py configs/benchmarks/folder/vit-micro_linear.py --data-root FOLDER \
        --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT

The other settings are those of vit_linear.py.
"""
_base_ = ['./vit_linear.py', '../../_base_/vit-micro.py']

model = dict(backbone=_base_.encoder)
optim_wrapper = dict(optimizer=dict(lr=1e-2))
train_cfg = dict(max_epochs=5)
